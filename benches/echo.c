// SPDX-License-Identifier: MIT
//
// Sends every datagram back: the least that a server can do. It says its port.

#include <arpa/inet.h>
#include <stdio.h>
#include <sys/socket.h>

int main(void) {
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t len = sizeof(address);
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    if (bind(fd, (struct sockaddr *)&address, len) != 0 || getsockname(fd, (struct sockaddr *)&address, &len) != 0) {
        return 1;
    }
    printf("%d\n", ntohs(address.sin_port));
    fflush(stdout);
    for (;;) {
        char buffer[2048];
        len = sizeof(address);
        ssize_t received = recvfrom(fd, buffer, sizeof(buffer), 0, (struct sockaddr *)&address, &len);
        if (received >= 0) {
            sendto(fd, buffer, received, 0, (struct sockaddr *)&address, len);
        }
    }
}
