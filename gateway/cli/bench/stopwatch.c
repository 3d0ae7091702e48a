/* Times SIPp's calls at its socket, because SIPp's own clock is too coarse for that.
 *
 *     cc -shared -fPIC -o stopwatch stopwatch.c -ldl
 *     STOPWATCH=times.csv LD_PRELOAD=./stopwatch sipp ...
 *
 * SIPp reads CLOCK_MONOTONIC_COARSE, which moves once a jiffy (4 ms on most kernels), and only once in each of its
 * loops, of a millisecond. Here an INVITE's time is taken when it is sent, its answer's is the kernel's for the
 * datagram's arrival. What is written looks like a file of SIPp's `-trace_rtt`, "progress" for the first 18x, "answer"
 * for a 2xx, and the status where a call is refused. Calls are told apart by the number that SIPp begins their Call-ID
 * with.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <linux/sockios.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>

enum { CALLS = 1 << 20 };
static int64_t sent_ns[CALLS];
static FILE *times;

static int64_t as_ns(struct timespec time) {
    return time.tv_sec * 1000000000LL + time.tv_nsec;
}

static int64_t *call_of(const char *message, size_t octets) {
    static const char NAME[] = "\nCall-ID:";
    const char *found = memmem(message, octets, NAME, sizeof NAME - 1);
    if (!found || memchr(found, '-', message + octets - found) == NULL)
        return NULL;
    return &sent_ns[strtoul(found + sizeof NAME - 1, NULL, 10) % CALLS];
}

static void was_sent(const char *message, size_t octets) {
    struct timespec now;
    int64_t *call;
    if (octets < 8 || memcmp(message, "INVITE ", 7) || !(call = call_of(message, octets)) || *call)
        return;
    clock_gettime(CLOCK_REALTIME, &now);
    *call = as_ns(now);
}

static void was_received(int socket, const char *message, size_t octets) {
    struct timespec arrival;
    int64_t *call;
    if (octets < 12 || memcmp(message, "SIP/2.0 ", 8) || !memcmp(message + 8, "100", 3))
        return;
    if (!(call = call_of(message, octets)) || *call <= 0 || ioctl(socket, SIOCGSTAMPNS, &arrival))
        return;
    char status[] = {message[8], message[9], message[10], 0};
    const char *what = message[8] == '1' ? "progress" : message[8] == '2' ? "answer" : status;
    if (times)
        fprintf(times, "%.3f;%.4f;%s\n", as_ns(arrival) / 1e6, (as_ns(arrival) - *call) / 1e6, what);
    *call = -1;
}

__attribute__((constructor)) static void begin(void) {
    const char *path = getenv("STOPWATCH");
    times = path ? fopen(path, "w") : NULL;
    if (times)
        fputs("Date_ms;response_time_ms;rtd_no\n", times);
}

__attribute__((destructor)) static void end(void) {
    if (times)
        fclose(times);
    times = NULL;
}

ssize_t sendto(int socket, const void *message, size_t octets, int flags, const struct sockaddr *to, socklen_t length) {
    static ssize_t (*next)(int, const void *, size_t, int, const struct sockaddr *, socklen_t);
    if (!next)
        next = (ssize_t(*)(int, const void *, size_t, int, const struct sockaddr *, socklen_t))dlsym(RTLD_NEXT, "sendto");
    was_sent(message, octets);
    return next(socket, message, octets, flags, to, length);
}

ssize_t recvfrom(int socket, void *message, size_t room, int flags, struct sockaddr *from, socklen_t *length) {
    static ssize_t (*next)(int, void *, size_t, int, struct sockaddr *, socklen_t *);
    if (!next)
        next = (ssize_t(*)(int, void *, size_t, int, struct sockaddr *, socklen_t *))dlsym(RTLD_NEXT, "recvfrom");
    ssize_t octets = next(socket, message, room, flags, from, length);
    if (octets > 0)
        was_received(socket, message, octets);
    return octets;
}
