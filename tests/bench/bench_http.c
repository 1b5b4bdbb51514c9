/*
 * Load for `make bench`. Two programs in one:
 *
 *   bench_http devices PORT TOKEN_FILE DEVICES THREADS ROUNDS
 *     Enrols devices, then measures, round by round, bare GETs and re-enrolments, each over a new
 * mutual-TLS connection. Between the rounds each device goes over to its new key. Prints
 * {"gets_per_second":..., "reenrolments_per_second":..., "ratio":...}, medians.
 *
 *   bench_http checks SOCKET PATH HEADER_FILE CONNECTIONS SECONDS
 *     Keep-alive GETs over a UNIX socket with the header lines of a file; every connection asks
 * again as soon as it is answered. Prints requests per second.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/pkcs7.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define ANSWER_MAX 16384
#define ROUNDS_MAX 9

static void
die(const char *what)
{
	fprintf(stderr, "bench_http: %s\n", what);
	ERR_print_errors_fp(stderr);
	exit(1);
}

static double
now_seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static int
compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double
median(double *values, size_t count)
{
	qsort(values, count, sizeof(*values), compare);
	return values[count / 2];
}

/* ---- devices ---- */

struct device {
	char id[32];
	EVP_PKEY *key;
	X509 *certificate;
	EVP_PKEY *next_key;
	char *next;   /* base64 of the request for it */
	char *answer; /* to that */
};

struct load {
	int port;
	struct device *devices;
	size_t first, last;
	enum { LOAD_ENROL, LOAD_GET, LOAD_REENROL, LOAD_ANNOUNCE, LOAD_SHOW } kind;
	const char *token;
};

static char *
make_request(const struct device *device, EVP_PKEY *key)
{
	X509_REQ *request = X509_REQ_new();
	X509_NAME *name = X509_REQ_get_subject_name(request);
	unsigned char *der = NULL;
	char *text;
	int len;

	X509_NAME_add_entry_by_txt(
	    name, "CN", MBSTRING_ASC, (const unsigned char *)device->id, -1, -1, 0);
	X509_REQ_set_pubkey(request, key);
	if (!X509_REQ_sign(request, key, EVP_sha256()))
		die("cannot sign a request");
	len = i2d_X509_REQ(request, &der);
	text = malloc((size_t)len * 2 + 8);
	if (!text || EVP_EncodeBlock((unsigned char *)text, der, len) <= 0)
		die("out of memory");
	OPENSSL_free(der);
	X509_REQ_free(request);
	return text;
}

static int
connect_to(int port)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
	    .sin_port = htons((uint16_t)port),
	    .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int one = 1, fd = socket(AF_INET, SOCK_STREAM, 0);

	if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) != 0)
		die("cannot connect");
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	return fd;
}

/* One request over a connection of its own; returns the status and leaves the answer. */
static int
exchange(SSL_CTX *context, const struct load *load, const struct device *device,
    const char *request, char *answer, size_t *ret_len)
{
	SSL *ssl = SSL_new(context);
	int fd = connect_to(load->port);
	size_t len = 0;
	int got, status = 0;

	SSL_set_fd(ssl, fd);
	if (device->certificate) {
		SSL_use_certificate(ssl, device->certificate);
		SSL_use_PrivateKey(ssl, device->key);
	}
	if (SSL_connect(ssl) != 1 || SSL_write(ssl, request, (int)strlen(request)) <= 0)
		die("handshake failed");
	while (len < ANSWER_MAX - 1 &&
	       (got = SSL_read(ssl, answer + len, (int)(ANSWER_MAX - 1 - len))) > 0)
		len += (size_t)got;
	answer[len] = '\0';
	SSL_free(ssl);
	close(fd);
	if (sscanf(answer, "HTTP/1.1 %d", &status) != 1)
		die("no answer");
	*ret_len = len;
	return status;
}

static X509 *
read_certificate(const char *answer)
{
	const char *body = strstr(answer, "\r\n\r\n");
	unsigned char der[ANSWER_MAX];
	const unsigned char *at = der;
	char text[ANSWER_MAX];
	size_t len;
	PKCS7 *message;
	X509 *certificate;

	if (!body)
		die("no body");
	len = strcspn(body + 4, "\r\n");
	memcpy(text, body + 4, len);
	text[len] = '\0';
	message = d2i_PKCS7(NULL, &at, EVP_DecodeBlock(der, (unsigned char *)text, (int)len));
	if (!message)
		die("not a certs-only message");
	certificate = X509_dup(sk_X509_value(message->d.sign->cert, 0));
	PKCS7_free(message);
	return certificate;
}

/* The PEM of the next key as a JSON text. */
static void
write_next_key(const struct device *device, char *text, size_t size)
{
	BIO *bio = BIO_new(BIO_s_mem());
	char *pem;
	size_t at = 0;

	if (!bio || PEM_write_bio_PUBKEY(bio, device->next_key) != 1)
		die("cannot write a key");
	for (long left = BIO_get_mem_data(bio, &pem); left > 0 && at + 3 < size; left--, pem++) {
		if (*pem == '\n')
			text[at++] = '\\';
		text[at++] = *pem == '\n' ? 'n' : *pem;
	}
	text[at] = '\0';
	BIO_free(bio);
}

static void
write_announcement(char *request, size_t size, const struct device *device)
{
	char key[1024], body[1100];
	int len;

	write_next_key(device, key, sizeof(key));
	len = snprintf(body, sizeof(body), "{\"next_pubkey\":\"%s\"}", key);
	snprintf(request, size,
	    "PATCH /device HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
	    "Content-Type: application/json\r\nContent-Length: %d\r\n\r\n%s",
	    len, body);
}

static void
write_request(char *request, size_t size, const struct load *load, const struct device *device)
{
	static const char post[] = "POST /.well-known/est/%s HTTP/1.1\r\nHost: localhost\r\n"
				   "Connection: close\r\nContent-Type: application/pkcs10\r\n%s%s%s"
				   "Content-Length: %zu\r\n\r\n%s";

	if (load->kind == LOAD_GET)
		snprintf(request, size,
		    "GET /.well-known/est/csrattrs HTTP/1.1\r\nHost: localhost\r\n"
		    "Connection: close\r\n\r\n");
	else if (load->kind == LOAD_SHOW)
		snprintf(request, size,
		    "GET /device HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
	else if (load->kind == LOAD_ANNOUNCE)
		write_announcement(request, size, device);
	else
		snprintf(request, size, post,
		    load->kind == LOAD_ENROL ? "simpleenroll" : "simplereenroll",
		    load->kind == LOAD_ENROL ? "Authorization: Bearer " : "",
		    load->kind == LOAD_ENROL ? load->token : "",
		    load->kind == LOAD_ENROL ? "\r\n" : "", strlen(device->next), device->next);
}

static void *
run_load(void *argument)
{
	const struct load *load = argument;
	SSL_CTX *context = SSL_CTX_new(TLS_client_method());
	char request[8192], answer[ANSWER_MAX];

	SSL_CTX_set_verify(context, SSL_VERIFY_NONE, NULL);
	for (size_t i = load->first; i < load->last; i++) {
		struct device *device = &load->devices[i];
		size_t len;
		int status;

		write_request(request, sizeof(request), load, device);
		status = exchange(context, load, device, request, answer, &len);
		if (status != (load->kind == LOAD_GET ? 204 : 200)) {
			fprintf(stderr, "%s\n", answer);
			die("unexpected status");
		}
		if (load->kind == LOAD_ENROL)
			device->certificate = read_certificate(answer);
		if (load->kind == LOAD_REENROL)
			device->answer = strdup(answer);
	}
	SSL_CTX_free(context);
	return NULL;
}

/* All devices once, spread over threads; returns requests per second. */
static double
measure(const struct load *plan, size_t devices, size_t threads)
{
	pthread_t handles[64];
	struct load loads[64];
	double began = now_seconds();

	for (size_t i = 0; i < threads; i++) {
		loads[i] = *plan;
		loads[i].first = devices * i / threads;
		loads[i].last = devices * (i + 1) / threads;
		pthread_create(&handles[i], NULL, run_load, &loads[i]);
	}
	for (size_t i = 0; i < threads; i++)
		pthread_join(handles[i], NULL);
	return (double)devices / (now_seconds() - began);
}

static void
prepare_requests(struct device *devices, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		free(devices[i].next);
		devices[i].next_key = EVP_EC_gen("P-256");
		devices[i].next = make_request(&devices[i], devices[i].next_key);
	}
}

/* As devices do, so that no round finds what another one left open. */
static void
go_over(struct load *plan, size_t count, size_t threads)
{
	plan->kind = LOAD_ANNOUNCE;
	measure(plan, count, threads);
	for (size_t i = 0; i < count; i++) {
		struct device *device = &plan->devices[i];

		X509_free(device->certificate);
		EVP_PKEY_free(device->key);
		device->certificate = read_certificate(device->answer);
		device->key = device->next_key;
		free(device->answer);
	}
	plan->kind = LOAD_SHOW;
	measure(plan, count, threads);
}

static int
bench_devices(char **argv)
{
	struct load plan = {.port = atoi(argv[0])};
	size_t count = strtoul(argv[2], NULL, 10), threads = strtoul(argv[3], NULL, 10);
	size_t rounds = strtoul(argv[4], NULL, 10);
	struct device *devices = calloc(count, sizeof(*devices));
	double gets[ROUNDS_MAX], posts[ROUNDS_MAX], ratios[ROUNDS_MAX];
	char token[128] = "";
	FILE *file = fopen(argv[1], "r");

	if (!devices || !file || !fgets(token, sizeof(token), file) || rounds > ROUNDS_MAX ||
	    threads > 64)
		die("bad arguments");
	fclose(file);
	token[strcspn(token, "\n")] = '\0';
	plan.token = token;
	plan.devices = devices;
	for (size_t i = 0; i < count; i++) {
		snprintf(devices[i].id, sizeof(devices[i].id), "bench-%06zu", i);
		devices[i].key = EVP_EC_gen("P-256");
		devices[i].next = make_request(&devices[i], devices[i].key);
	}
	plan.kind = LOAD_ENROL;
	measure(&plan, count, threads);
	/* The first sight of a device is written; it is not what is measured. */
	prepare_requests(devices, count);
	plan.kind = LOAD_REENROL;
	measure(&plan, count, threads);
	go_over(&plan, count, threads);
	for (size_t i = 0; i < rounds; i++) {
		prepare_requests(devices, count);
		plan.kind = LOAD_GET;
		gets[i] = measure(&plan, count, threads);
		plan.kind = LOAD_REENROL;
		posts[i] = measure(&plan, count, threads);
		ratios[i] = posts[i] / gets[i];
		go_over(&plan, count, threads);
	}
	printf("{\"gets_per_second\": %.0f, \"reenrolments_per_second\": %.0f, \"ratio\": %.3f}\n",
	    median(gets, rounds), median(posts, rounds), median(ratios, rounds));
	return 0;
}

/* ---- checks ---- */

static int
connect_socket(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) != 0)
		die("cannot connect to the socket");
	return fd;
}

/* Answers have no body and are smaller than what a socket holds: one read takes one. */
static void
read_answer(int fd)
{
	char answer[ANSWER_MAX];
	ssize_t got = read(fd, answer, sizeof(answer) - 1);

	if (got <= 0)
		die("connection lost");
	answer[got] = '\0';
	if (strncmp(answer, "HTTP/1.1 200", 12) != 0 || !strstr(answer, "\r\n\r\n"))
		die(answer);
}

static void
ask(int fd, const char *request, size_t len)
{
	if (write(fd, request, len) != (ssize_t)len)
		die("short write");
}

static int
bench_checks(char **argv)
{
	char headers[16384] = "", request[20000];
	FILE *file = fopen(argv[2], "r");
	int count = atoi(argv[3]), poller = epoll_create1(0);
	double began = now_seconds(), until = began + atof(argv[4]);
	struct epoll_event events[64];
	size_t answers = 0, len;

	if (!file || poller < 0)
		die("bad arguments");
	headers[fread(headers, 1, sizeof(headers) - 1, file)] = '\0';
	fclose(file);
	snprintf(request, sizeof(request), "GET %s HTTP/1.1\r\nHost: localhost\r\n%s\r\n", argv[1],
	    headers);
	len = strlen(request);
	for (int i = 0; i < count; i++) {
		int fd = connect_socket(argv[0]);
		struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};

		if (epoll_ctl(poller, EPOLL_CTL_ADD, fd, &event) != 0)
			die("epoll_ctl");
		ask(fd, request, len);
	}
	while (now_seconds() < until) {
		int ready = epoll_wait(poller, events, 64, -1);

		for (int i = 0; i < ready; i++) {
			read_answer(events[i].data.fd);
			ask(events[i].data.fd, request, len);
			answers++;
		}
	}
	printf("%.0f\n", (double)answers / (now_seconds() - began));
	return 0;
}

int
main(int argc, char **argv)
{
	if (argc == 7 && strcmp(argv[1], "devices") == 0)
		return bench_devices(argv + 2);
	if (argc == 7 && strcmp(argv[1], "checks") == 0)
		return bench_checks(argv + 2);
	fprintf(stderr, "usage: see the head of bench_http.c\n");
	return 2;
}
