/* An independent Modbus device: libmodbus, not pymodbus. Usage: modbus_peer PORT | /dev/TTY
 *
 * 1000 of each table. Holding 100 = 180; input 0-1 = float 21.5 (0x41AC0000), 2-3 the same with
 * its words swapped, 4 = 0x8000; discrete input 5 = 1. Prints "ready" when it listens.
 */
#include <errno.h>
#include <modbus.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/select.h>
#include <unistd.h>

int main(int argc, char **argv) {
    uint8_t query[MODBUS_TCP_MAX_ADU_LENGTH];
    fd_set open, readable;
    int serial = argc > 1 && argv[1][0] == '/', listener, highest;
    modbus_t *ctx = serial ? modbus_new_rtu(argv[1], 19200, 'N', 8, 1)
                           : modbus_new_tcp("127.0.0.1", argc > 1 ? atoi(argv[1]) : 1502);
    modbus_mapping_t *map = modbus_mapping_new(1000, 1000, 1000, 1000);
    if (!ctx || !map) return 1;
    map->tab_registers[100] = 180;
    map->tab_input_registers[0] = 0x41AC;
    map->tab_input_registers[3] = 0x41AC;
    map->tab_input_registers[4] = 0x8000;
    map->tab_input_bits[5] = 1;
    if (serial) {
        modbus_set_slave(ctx, 1);
        if (modbus_connect(ctx) < 0) return 1;
        for (;;) {
            int n = modbus_receive(ctx, query);
            if (n > 0) modbus_reply(ctx, query, n, map);
        }
    }
    highest = listener = modbus_tcp_listen(ctx, 4);
    if (listener < 0) return 1;
    FD_ZERO(&open);
    FD_SET(listener, &open);
    puts("ready");
    fflush(stdout);
    for (;;) {
        readable = open;
        if (select(highest + 1, &readable, NULL, NULL, NULL) < 0) return 1;
        for (int fd = 0; fd <= highest; fd++) {
            if (!FD_ISSET(fd, &readable)) continue;
            if (fd == listener) {
                int fresh = listener;
                fresh = modbus_tcp_accept(ctx, &fresh);
                if (fresh < 0) continue;
                FD_SET(fresh, &open);
                if (fresh > highest) highest = fresh;
                continue;
            }
            modbus_set_socket(ctx, fd);
            int n = modbus_receive(ctx, query);
            if (n > 0) {
                modbus_reply(ctx, query, n, map);
            } else if (n < 0) {
                close(fd);
                FD_CLR(fd, &open);
            }
        }
    }
}
