// What io-pgtable-arm.c asks of a kernel, for one thread of a user's process. Every kernel header that it includes is this file.
#pragma once

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;
typedef int32_t s32;
typedef int64_t s64;
typedef u64 phys_addr_t;
typedef u64 dma_addr_t;
typedef unsigned int gfp_t;

#define BITS_PER_LONG 64
#define PAGE_SHIFT 12
#define PAGE_SIZE (1UL << PAGE_SHIFT)
#define PAGE_MASK (~(PAGE_SIZE - 1))

#define SZ_4K 0x1000UL
#define SZ_16K 0x4000UL
#define SZ_64K 0x10000UL
#define SZ_2M 0x200000UL
#define SZ_32M 0x2000000UL
#define SZ_512M 0x20000000UL
#define SZ_1G 0x40000000UL
#define SZ_2G 0x80000000UL

#define BIT(n) (1UL << (n))
#define GENMASK_ULL(high, low) ((~0ULL << (low)) & (~0ULL >> (63 - (high))))
#define DIV_ROUND_UP(value, by) (((value) + (by) - 1) / (by))
#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))
#define min(a, b) ((a) < (b) ? (a) : (b))
#define min_t(type, a, b) ((type)(a) < (type)(b) ? (type)(a) : (type)(b))
#define container_of(pointer, type, member) ((type *)((char *)(pointer) - offsetof(type, member)))
#define unlikely(condition) __builtin_expect(!!(condition), 0)
#define likely(condition) __builtin_expect(!!(condition), 1)
#define __init
#define __maybe_unused __attribute__((unused))

#define READ_ONCE(value) (*(volatile __typeof__(value) *)&(value))
#define WRITE_ONCE(value, to) (*(volatile __typeof__(value) *)&(value) = (to))
#define cmpxchg64_relaxed(pointer, from, to) __sync_val_compare_and_swap(pointer, from, to)
#define wmb() __asm__ volatile("sfence" ::: "memory")
#define dma_wmb() __asm__ volatile("" ::: "memory")

// A condition that holds means that what is measured does not work.
#define WARN_ON(condition) ({ bool failed = (condition); if (unlikely(failed)) { fprintf(stderr, "%s: %s\n", __func__, #condition); } unlikely(failed); })
#define WARN_ON_ONCE(condition) WARN_ON(condition)
#define WARN(condition, ...) WARN_ON(condition)
#define VM_BUG_ON(condition) do { if (unlikely(condition)) { abort(); } } while (0)
#define pr_err(...) fprintf(stderr, __VA_ARGS__)
#define pr_info(...) fprintf(stderr, __VA_ARGS__)
#define dev_err(device, ...) fprintf(stderr, __VA_ARGS__)

static inline int ilog2(u64 value) { return 63 - __builtin_clzll(value); }
static inline unsigned long __ffs(unsigned long value) { return __builtin_ctzl(value); }
static inline unsigned long __fls(unsigned long value) { return 63 - __builtin_clzl(value); }
static inline int get_order(unsigned long size) { return size <= PAGE_SIZE ? 0 : ilog2(size - 1) + 1 - PAGE_SHIFT; }

// Memory is where it is: physical and virtual addresses are the same.
#define __va(address) ((void *)(uintptr_t)(address))
#define __pa(pointer) ((phys_addr_t)(uintptr_t)(pointer))
#define virt_to_phys(pointer) __pa(pointer)
#define phys_to_virt(address) __va(address)

#define GFP_KERNEL 0u
#define GFP_ATOMIC 0u
#define __GFP_ZERO 1u
#define __GFP_HIGHMEM 2u
#define NUMA_NO_NODE (-1)

struct page;
struct device;
static inline int dev_to_node(struct device *device) { (void)device; return NUMA_NO_NODE; }

// A bare free list, and zeroes: less than any kernel's allocator does, which is in Linux's favour.
void *peer_take(int order);
void peer_give(void *pages, int order);

static inline struct page *alloc_pages_node(int node, gfp_t flags, int order)
{
    void *pages = peer_take(order);
    (void)node;
    return pages && (flags & __GFP_ZERO) ? memset(pages, 0, PAGE_SIZE << order) : pages;
}

#define page_address(page) ((void *)(page))
#define __free_pages(page, order) peer_give(page, order)
#define free_pages(address, order) peer_give((void *)(address), order)
#define kmalloc(size, flags) malloc(size)
#define kzalloc(size, flags) calloc(1, size)
#define kfree(pointer) free(pointer)

// The walk is coherent, so that none of these is reached.
enum dma_data_direction { DMA_TO_DEVICE = 1 };
static inline dma_addr_t dma_map_single(struct device *device, void *pointer, size_t size, int direction)
{
    (void)device; (void)size; (void)direction;
    return __pa(pointer);
}
static inline int dma_mapping_error(struct device *device, dma_addr_t address) { (void)device; (void)address; return 0; }
static inline void dma_unmap_single(struct device *device, dma_addr_t address, size_t size, int direction)
{
    (void)device; (void)address; (void)size; (void)direction;
}
static inline void dma_sync_single_for_device(struct device *device, dma_addr_t address, size_t size, int direction)
{
    (void)device; (void)address; (void)size; (void)direction;
}

// The interface of IOMMUs, as far as page tables know it.
#define IOMMU_READ (1 << 0)
#define IOMMU_WRITE (1 << 1)
#define IOMMU_CACHE (1 << 2)
#define IOMMU_NOEXEC (1 << 3)
#define IOMMU_MMIO (1 << 4)
#define IOMMU_PRIV (1 << 5)

struct iommu_iotlb_gather { bool queued; };
static inline bool iommu_iotlb_gather_queued(struct iommu_iotlb_gather *gather) { return gather && gather->queued; }
