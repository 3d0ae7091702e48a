/* The yardstick of `bench media`: the same streams, sent as plainly as C can.
 *
 *     yardstick CORE STREAMS SECONDS FIRST_PORT LAST_PORT RECEIVER_PORT...
 *
 * Each stream has a connected UDP socket of its own on an even port, as each call of the gateway has. The streams are
 * in ten groups, one every 2 ms on an absolute schedule, each group every 20 ms; a schedule that is late by more than
 * a packet is moved. A packet is 12 octets of RTP header and 160 of G.711. What it cost is printed as JSON.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { GROUPS = 10, HEADER = 12, SAMPLES = 160, SOUND = 8000, SETTLING_MS = 500 };
static const int64_t GROUP_NS = 2000000, PACKET_NS = 20000000;

struct stream {
    int socket;
    uint32_t ssrc, timestamp, position;
    uint16_t sequence;
};

struct cost {
    int64_t ns;
    double cpu_s;
    long packets, failed, moves;
};

static unsigned char sound[SOUND + SAMPLES];
static long packets, failed, moves;

static int64_t now_ns(clockid_t clock) {
    struct timespec now;
    clock_gettime(clock, &now);
    return now.tv_sec * 1000000000LL + now.tv_nsec;
}

static struct cost cost_now(void) {
    struct rusage used;
    getrusage(RUSAGE_SELF, &used);
    double cpu_s = used.ru_utime.tv_sec + used.ru_stime.tv_sec + (used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;
    return (struct cost){now_ns(CLOCK_REALTIME), cpu_s, packets, failed, moves};
}

static void fail(const char *what) {
    printf("{\"error\": \"%s: %s\"}\n", what, strerror(errno));
    exit(0);
}

static void open_stream(struct stream *stream, int *port, int last, int receiver) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    stream->socket = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    if (stream->socket < 0)
        fail("no socket");
    for (;; *port += 2) {
        if (*port > last) {
            errno = EADDRINUSE;
            fail("no port left");
        }
        address.sin_port = htons(*port);
        if (bind(stream->socket, (struct sockaddr *)&address, sizeof address) == 0)
            break;
        if (errno != EADDRINUSE)
            fail("bind");
    }
    *port += 2;
    address.sin_port = htons(receiver);
    if (connect(stream->socket, (struct sockaddr *)&address, sizeof address) < 0)
        fail("connect");
}

static void send_packet(struct stream *stream) {
    unsigned char packet[HEADER + SAMPLES];
    uint16_t sequence = htons(stream->sequence);
    uint32_t timestamp = htonl(stream->timestamp), ssrc = htonl(stream->ssrc);
    packet[0] = 0x80;
    packet[1] = 8;
    memcpy(packet + 2, &sequence, 2);
    memcpy(packet + 4, &timestamp, 4);
    memcpy(packet + 8, &ssrc, 4);
    memcpy(packet + HEADER, sound + stream->position, SAMPLES);
    stream->sequence++;
    stream->timestamp += SAMPLES;
    stream->position = (stream->position + SAMPLES) % SOUND;
    if (send(stream->socket, packet, sizeof packet, 0) == sizeof packet)
        packets++;
    else
        failed++;
}

int main(int count, char **arguments) {
    if (count < 7)
        return 2;
    int core = atoi(arguments[1]), streams = atoi(arguments[2]), port = atoi(arguments[4]), last = atoi(arguments[5]);
    int64_t settled_ns = SETTLING_MS * 1000000LL, lasting_ns = atof(arguments[3]) * 1e9;
    int receivers = count - 6;

    cpu_set_t cores;
    CPU_ZERO(&cores);
    CPU_SET(core, &cores);
    sched_setaffinity(0, sizeof cores, &cores);
    struct rlimit files;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);

    for (int i = 0; i < SOUND + SAMPLES; i++)
        sound[i] = (i % SOUND) * 31;
    struct stream *all = calloc(streams, sizeof *all);
    for (int i = 0; i < streams; i++) {
        open_stream(&all[i], &port, last, atoi(arguments[6 + i % receivers]));
        all[i].ssrc = 0x10000u + i;
        all[i].position = i * SAMPLES % SOUND;
    }

    int64_t begin_ns = now_ns(CLOCK_MONOTONIC), next_ns = begin_ns;
    struct cost before = {0};
    for (long tick = 0;; tick++) {
        int64_t now = now_ns(CLOCK_MONOTONIC);
        if (now - next_ns > PACKET_NS) {
            moves++;
            next_ns = now;
        }
        if (before.ns == 0 && now - begin_ns >= settled_ns)
            before = cost_now();
        if (now - begin_ns >= settled_ns + lasting_ns)
            break;
        struct timespec next = {next_ns / 1000000000LL, next_ns % 1000000000LL};
        while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &next, NULL) == EINTR) {
        }
        for (int i = tick % GROUPS; i < streams; i += GROUPS)
            send_packet(&all[i]);
        next_ns += GROUP_NS;
    }
    struct cost after = cost_now();
    printf("{\"begin_ns\": %lld, \"end_ns\": %lld, \"cpu_s\": %.6f, \"packets\": %ld, \"failed\": %ld, "
           "\"schedule_moves\": %ld}\n",
           (long long)before.ns, (long long)after.ns, after.cpu_s - before.cpu_s, after.packets - before.packets,
           after.failed - before.failed, after.moves - before.moves);
    return 0;
}
