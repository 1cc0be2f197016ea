/* The N64's registers and addresses that Open Kart uses. boot.S includes this file, so its first part has only
 * #defines. */
#ifndef OPENKART_N64_H
#define OPENKART_N64_H

#define STACK_TOP 0x803FFFF0 /* grows down from 4 MiB, so that the game needs no expansion pak */
#define TELEMETRY_ADDRESS 0x80000400

#ifndef __ASSEMBLER__
#include <stdint.h>

#define REG(address) (*(volatile uint32_t *)(address))

#define MI_INTR REG(0xA4300008)
#define MI_INTR_SI 0x02u
#define MI_INTR_VI 0x08u
#define MI_MASK REG(0xA430000C)
#define MI_MASK_SET_SI 0x08u
#define MI_MASK_SET_VI 0x80u

#define VI_BASE 0xA4400000u
#define VI_ORIGIN REG(VI_BASE + 0x04)
#define VI_CURRENT REG(VI_BASE + 0x10) /* a write acknowledges the VI interrupt */

#define SI_DRAM_ADDR REG(0xA4800000)
#define SI_PIF_READ64 REG(0xA4800004)
#define SI_PIF_WRITE64 REG(0xA4800010)
#define SI_STATUS REG(0xA4800018) /* a write acknowledges the SI interrupt */
#define SI_STATUS_BUSY 0x03u
#define PIF_RAM 0x1FC007C0u

#define PHYSICAL(pointer) ((uint32_t)(uintptr_t)(pointer) & 0x1FFFFFFFu)
#define UNCACHED(pointer) ((volatile uint32_t *)((uint32_t)(uintptr_t)(pointer) | 0x20000000u))
#endif
#endif
