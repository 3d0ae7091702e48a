/* The yardstick of `bench two-way`: gives every datagram back to whom it came from, as plainly as C can.
 *
 *     echo CORE CALLS SECONDS
 *
 * Opens a UDP socket a call, prints their ports as JSON, waits for the first datagram and half a second more, then
 * measures for so long and prints what it cost. No jitter buffer, no pacing: what comes in goes out at once.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>

static int64_t now_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000000000LL + now.tv_nsec;
}

static double cpu_s(void) {
    struct rusage used;
    getrusage(RUSAGE_SELF, &used);
    return used.ru_utime.tv_sec + used.ru_stime.tv_sec + (used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;
}

int main(int count, char **words) {
    if (count != 4) return 2;
    cpu_set_t core;
    CPU_ZERO(&core);
    CPU_SET(atoi(words[1]), &core);
    sched_setaffinity(0, sizeof core, &core);
    int calls = atoi(words[2]);
    int64_t lasting = (int64_t)(atof(words[3]) * 1e9), begin = 0, end = 0;
    int waiting = epoll_create1(0);
    for (int call = 0; call < calls; call++) {
        struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        socklen_t size = sizeof address;
        int opened = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
        struct epoll_event event = {.events = EPOLLIN, .data.fd = opened};
        if (opened < 0 || bind(opened, (struct sockaddr *)&address, size) < 0) return 1;
        getsockname(opened, (struct sockaddr *)&address, &size);
        epoll_ctl(waiting, EPOLL_CTL_ADD, opened, &event);
        printf(call ? ", %d" : "[%d", ntohs(address.sin_port));
    }
    printf("]\n");
    fflush(stdout);
    long packets = 0, before = 0;
    double cpu_before = 0;
    static struct epoll_event ready[512];
    static unsigned char datagram[2048];
    for (;;) {
        int found = epoll_wait(waiting, ready, 512, 1000);
        int64_t now = now_ns();
        if (!begin && found > 0) begin = now + 500000000LL;
        if (begin && !end && now >= begin) end = now + lasting, before = packets, cpu_before = cpu_s();
        if (end && now >= end) break;
        for (int each = 0; each < found; each++) {
            struct sockaddr_in source;
            socklen_t size = sizeof source;
            ssize_t octets;
            while ((octets = recvfrom(ready[each].data.fd, datagram, sizeof datagram, 0, (void *)&source, &size)) > 0) {
                sendto(ready[each].data.fd, datagram, octets, MSG_DONTWAIT, (struct sockaddr *)&source, size);
                packets++;
            }
        }
    }
    printf("{\"packets\": %ld, \"cpu_s\": %f}\n", packets - before, cpu_s() - cpu_before);
    return 0;
}
