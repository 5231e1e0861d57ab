/* A load generator: one blocking thread for each kept connection, plain or with mutual TLS.
 *
 * load HOST PORT CONNECTIONS SECONDS RATE HANDSHAKES REQUEST [CA CERTIFICATE KEY]
 *
 * REQUEST is a file with the whole HTTP/1.1 request as it goes over the wire. RATE is requests per second over all
 * connections (0: as fast as answers come); a paced request is timed from the moment it was due, so that a server that
 * stalls cannot hide it. Kept connections are made before the time begins: 16 handshakes at once are no part of what
 * is measured of them. HANDSHAKES 1 makes a new connection for every request. Only HTTP 200 counts as an answer.
 * Prints one line of JSON; latencies in milliseconds.
 */
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define MOST 200000
#define HEAD 16384
#define SETTLED 200000

static struct sockaddr_in address;
static SSL_CTX *context;
static char *request;
static size_t request_size;
static int connections, handshakes;
static double begun, until, rate;
static pthread_barrier_t connected, started;

struct line {
    pthread_t thread;
    int index, socket;
    SSL *tls;
    long answers, failures, bytes;
    double *times;
};

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + t.tv_nsec / 1e9;
}

static void hang_up(struct line *l) {
    if (l->tls) SSL_free(l->tls);
    if (l->socket >= 0) close(l->socket);
    l->tls = NULL;
    l->socket = -1;
}

static int dial(struct line *l) {
    int yes = 1;
    if (l->socket >= 0) return 1;
    l->socket = socket(AF_INET, SOCK_STREAM, 0);
    setsockopt(l->socket, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    if (connect(l->socket, (struct sockaddr *)&address, sizeof address)) return 0;
    if (!context) return 1;
    l->tls = SSL_new(context);
    SSL_set_fd(l->tls, l->socket);
    return SSL_connect(l->tls) == 1;
}

static long take(struct line *l, char *into, size_t room) {
    return l->tls ? SSL_read(l->tls, into, (int)room) : recv(l->socket, into, room, 0);
}

static int put(struct line *l) {
    size_t done = 0;
    while (done < request_size) {
        long n = l->tls ? SSL_write(l->tls, request + done, (int)(request_size - done))
                        : send(l->socket, request + done, request_size - done, 0);
        if (n <= 0) return 0;
        done += (size_t)n;
    }
    return 1;
}

/* The rest of an answer in chunks: it ends with an empty one. */
static int unchunk(struct line *l, const char *first, size_t size) {
    static __thread char rest[65536];
    char tail[6] = "";
    for (;;) {
        for (size_t i = size > 5 ? size - 5 : 0; i < size; i++) {
            memmove(tail, tail + 1, 4);
            tail[4] = first[i];
        }
        l->bytes += (long)size;
        if (!memcmp(tail, "0\r\n\r\n", 5)) return 1;
        long n = take(l, rest, sizeof rest);
        if (n <= 0) return 0;
        first = rest;
        size = (size_t)n;
    }
}

/* One request and its whole answer; the connection is ready for the next one, or closed. */
static int ask(struct line *l) {
    static __thread char head[HEAD + 1], rest[65536];
    size_t have = 0;
    char *end = NULL, *field;
    if (!put(l)) return 0;
    while (!end) {
        long n = have < HEAD ? take(l, head + have, HEAD - have) : 0;
        if (n <= 0) return 0;
        have += (size_t)n;
        head[have] = 0;
        end = strstr(head, "\r\n\r\n");
    }
    long left = -1;
    int closing = 0, chunked = 0;
    for (field = strstr(head, "\r\n"); field && field < end; field = strstr(field + 2, "\r\n")) {
        if (!strncasecmp(field + 2, "content-length:", 15)) left = atol(field + 17);
        if (!strncasecmp(field + 2, "connection: close", 17)) closing = 1;
        if (!strncasecmp(field + 2, "transfer-encoding: chunked", 26)) chunked = 1;
    }
    if (strncmp(head, "HTTP/1.1 200", 12)) return 0;
    if (chunked) return unchunk(l, end + 4, have - (size_t)(end + 4 - head));
    if (left < 0) return 0;
    l->bytes += left;
    for (left -= (long)(have - (size_t)(end + 4 - head)); left > 0;) {
        long n = take(l, rest, (size_t)left < sizeof rest ? (size_t)left : sizeof rest);
        if (n <= 0) return 0;
        left -= n;
    }
    if (closing) hang_up(l);
    return 1;
}

static void *run(void *given) {
    struct line *l = given;
    if (!handshakes && !dial(l)) hang_up(l); /* tried again, and told, with the first request */
    pthread_barrier_wait(&connected);
    pthread_barrier_wait(&started);
    double pause = rate > 0 ? connections / rate : 0, due = begun + pause * l->index / connections;
    for (; due < until; due += pause) {
        double start = now();
        if (rate > 0 && due > start) {
            struct timespec t = {(time_t)(due - start), (long)((due - start - (time_t)(due - start)) * 1e9)};
            nanosleep(&t, NULL);
        }
        start = rate > 0 ? due : now();
        if (start >= until) break;
        if (dial(l) && ask(l)) {
            if (l->answers < MOST) l->times[l->answers++] = (now() - start) * 1e3;
        } else {
            l->failures++;
            hang_up(l);
            if (l->failures > 1000) break;
        }
        if (handshakes) hang_up(l);
    }
    return NULL;
}

static int upwards(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double at(double *all, long count, double part) {
    return count ? all[(long)(part * (double)(count - 1))] : 0;
}

int main(int count, char **given) {
    if (count != 8 && count != 11) return fprintf(stderr, "load: see the head of load.c\n"), 2;
    signal(SIGPIPE, SIG_IGN);
    address.sin_family = AF_INET;
    address.sin_port = htons((unsigned short)atoi(given[2]));
    inet_pton(AF_INET, given[1], &address.sin_addr);
    connections = atoi(given[3]);
    rate = atof(given[5]);
    handshakes = atoi(given[6]);
    FILE *file = fopen(given[7], "rb");
    if (!file) return perror(given[7]), 2;
    request = malloc(1 << 20);
    request_size = fread(request, 1, 1 << 20, file);
    fclose(file);
    if (count == 11) {
        context = SSL_CTX_new(TLS_client_method());
        SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
        SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
        if (SSL_CTX_load_verify_locations(context, given[8], NULL) != 1 ||
            SSL_CTX_use_certificate_chain_file(context, given[9]) != 1 ||
            SSL_CTX_use_PrivateKey_file(context, given[10], SSL_FILETYPE_PEM) != 1)
            return fprintf(stderr, "load: certificate or key cannot be read\n"), 2;
    }
    struct line *lines = calloc((size_t)connections, sizeof *lines);
    pthread_barrier_init(&connected, NULL, (unsigned)connections + 1);
    pthread_barrier_init(&started, NULL, (unsigned)connections + 1);
    for (int i = 0; i < connections; i++) {
        lines[i].index = i;
        lines[i].socket = -1;
        lines[i].times = malloc(MOST * sizeof(double));
        pthread_create(&lines[i].thread, NULL, run, &lines[i]);
    }
    pthread_barrier_wait(&connected);
    usleep(SETTLED); /* a server reads the client's last message after the client is done (RFC 8446, 4.4) */
    begun = now();
    until = begun + atof(given[4]);
    pthread_barrier_wait(&started);
    long answers = 0, failures = 0, bytes = 0;
    for (int i = 0; i < connections; i++) {
        pthread_join(lines[i].thread, NULL);
        answers += lines[i].answers;
        failures += lines[i].failures;
        bytes += lines[i].bytes;
    }
    double seconds = now() - begun, *all = malloc((size_t)(answers + 1) * sizeof(double));
    long n = 0;
    for (int i = 0; i < connections; i++)
        for (long k = 0; k < lines[i].answers; k++) all[n++] = lines[i].times[k];
    qsort(all, (size_t)n, sizeof(double), upwards);
    struct rusage used;
    getrusage(RUSAGE_SELF, &used);
    double cpu = (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
                 (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;
    printf("{\"answers\": %ld, \"failures\": %ld, \"bytes\": %ld, \"seconds\": %.3f, \"cpu\": %.3f, \"p50\": %.3f, "
           "\"p90\": %.3f, \"p99\": %.3f, \"max\": %.3f}\n",
           answers, failures, bytes, seconds, cpu, at(all, n, .5), at(all, n, .9), at(all, n, .99), at(all, n, 1));
    return 0;
}
