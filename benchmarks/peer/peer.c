// Answers what a program on its standard input asks: times of Linux's io-pgtable-arm, one request to a line. See README.md.
#define _GNU_SOURCE
#include <stdarg.h>
#include <sys/mman.h>
#include <time.h>

#include <linux/io-pgtable.h>

#define GRANULE SZ_4K
#define MOST_IOVAS 4096
#define MOST_PIECES 4096
#define POOL_BYTES (192UL << 20)
#define READ_WRITE (IOMMU_READ | IOMMU_WRITE)

extern struct io_pgtable_init_fns io_pgtable_arm_64_lpae_s1_init_fns;

static char *pool;
static size_t pool_used;
static void *free_pages_of_order[8];
static unsigned long flushes;

static struct io_pgtable_ops *table;
static u64 iovas[MOST_IOVAS], pieces[MOST_PIECES][2], unmap_bytes;
static int iova_count, piece_count;

static void fail(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    exit(1);
}

void *peer_take(int order)
{
    void *taken = free_pages_of_order[order];
    if (taken) {
        free_pages_of_order[order] = *(void **)taken;
        return taken;
    }

    size_t bytes = PAGE_SIZE << order;
    size_t start = (pool_used + bytes - 1) & ~(bytes - 1);
    if (start + bytes > POOL_BYTES)
        return NULL;
    pool_used = start + bytes;
    return pool + start;
}

void peer_give(void *pages, int order)
{
    *(void **)pages = free_pages_of_order[order];
    free_pages_of_order[order] = pages;
}

static void flush_all(void *cookie) { (void)cookie; flushes++; }
static void flush_walk(unsigned long iova, size_t size, size_t granule, void *cookie)
{
    (void)iova; (void)size; (void)granule; (void)cookie;
    flushes++;
}
static void add_page(struct iommu_iotlb_gather *gather, unsigned long iova, size_t granule, void *cookie)
{
    (void)gather; (void)iova; (void)granule; (void)cookie;
    flushes++;
}

static const struct iommu_flush_ops flush_ops = { .tlb_flush_all = flush_all, .tlb_flush_walk = flush_walk, .tlb_add_page = add_page };

// The largest page that fits, and how many of it before a larger one would: what a call of the format is asked for at a time.
static size_t page_for(u64 iova, u64 pa, u64 bytes, u64 sizes, size_t *count)
{
    u64 fitting = sizes & (~0ULL >> (63 - ilog2(bytes)));
    u64 both = iova | pa;
    if (both)
        fitting &= (both & -both) * 2 - 1;
    u64 size = 1ULL << ilog2(fitting);
    u64 larger = sizes & ~(size * 2 - 1);
    if (larger) {
        u64 next = larger & -larger;
        u64 ahead = next - (iova & (next - 1));
        if (((iova ^ pa) & (next - 1)) == 0 && ahead + next <= bytes)
            bytes = ahead;
    }

    *count = bytes / size;
    return size;
}

static void map_piece(u64 iova, u64 pa, u64 bytes, u64 sizes)
{
    while (bytes) {
        size_t count, mapped = 0;
        size_t size = page_for(iova, pa, bytes, sizes, &count);
        int error = table->map_pages(table, iova, pa, size, count, READ_WRITE, GFP_KERNEL, &mapped);
        if (unlikely(error || !mapped))
            fail("map of %llx failed: %d", (unsigned long long)iova, error);
        iova += mapped;
        pa += mapped;
        bytes -= mapped;
    }
}

static u64 unmap_piece(u64 iova, u64 bytes, u64 sizes, struct iommu_iotlb_gather *gather)
{
    u64 done = 0;
    while (done < bytes) {
        size_t count;
        size_t size = page_for(iova + done, iova + done, bytes - done, sizes, &count);
        size_t unmapped = table->unmap_pages(table, iova + done, size, count, gather);
        if (!unmapped)
            break;
        done += unmapped;
    }

    return done;
}

static u64 now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (u64)time.tv_sec * 1000000000 + time.tv_nsec;
}

static void map_all(u64 sizes)
{
    for (int i = 0; i < iova_count; i++) {
        u64 iova = iovas[i];
        for (int piece = 0; piece < piece_count; piece++) {
            map_piece(iova, pieces[piece][0], pieces[piece][1], sizes);
            iova += pieces[piece][1];
        }

        // The call that ends a map.
        wmb();
    }
}

static void unmap_all(u64 sizes, struct iommu_iotlb_gather *gather)
{
    for (int i = 0; i < iova_count; i++)
        if (unlikely(unmap_piece(iovas[i], unmap_bytes, sizes, gather) == 0))
            fail("unmap of %llx took nothing", (unsigned long long)iovas[i]);
}

static void verify(bool is_mapped)
{
    for (int i = 0; i < iova_count; i++) {
        u64 iova = iovas[i];
        for (int piece = 0; piece < piece_count; piece++)
            for (u64 offset = 0; offset < pieces[piece][1]; offset += GRANULE, iova += GRANULE)
                if (table->iova_to_phys(table, iova) != (is_mapped ? pieces[piece][0] + offset : 0))
                    fail("%llx is wrong after a%s", (unsigned long long)iova, is_mapped ? " map" : "n unmap");
    }
}

static void new_table(u64 sizes)
{
    struct io_pgtable_cfg cfg = { .pgsize_bitmap = sizes, .ias = 48, .oas = 48, .coherent_walk = true, .tlb = &flush_ops };
    struct io_pgtable *made;
    if (table) {
        io_pgtable_arm_64_lpae_s1_init_fns.free(io_pgtable_ops_to_pgtable(table));
    }

    made = io_pgtable_arm_64_lpae_s1_init_fns.alloc(&cfg, NULL);
    if (!made)
        fail("there is no memory for a table");
    made->fmt = ARM_64_LPAE_S1;
    made->cookie = NULL;
    made->cfg = cfg;
    table = &made->ops;
}

// "pair ROUNDS": maps and unmaps of every slot. Prints the nanoseconds of one map and of one unmap. Where nothing is to be unmapped, the table is
// made anew after each round, outside the time: no call of an unmap gives back all tables that a map made.
static void pair(int rounds, u64 sizes)
{
    struct iommu_iotlb_gather gather = { .queued = false };
    u64 maps = 0, unmaps = 0;
    for (int round = 0; round < rounds; round++) {
        u64 start = now();
        map_all(sizes);
        u64 middle = now();
        maps += middle - start;
        if (unmap_bytes) {
            unmap_all(sizes, &gather);
            unmaps += now() - middle;
        } else {
            new_table(sizes);
        }
    }

    printf("%.4f %.4f\n", (double)maps / rounds / iova_count, (double)unmaps / rounds / iova_count);
}

// "look ORDER COUNT": look-ups in the one piece, which is mapped. The generator is Knuth's of 64 bits.
static void look(int order, int count)
{
    u64 state = 1, wrong = 0, mask = pieces[0][1] - 1, offset = 0;
    u64 start = now();
    for (int i = 0; i < count; i++) {
        if (order == 1)
            state = state * 6364136223846793005ULL + 1442695040888963407ULL;
        if (order != 0)
            offset = (state >> 20) & mask;
        u64 difference = table->iova_to_phys(table, iovas[0] + offset) ^ (pieces[0][0] + offset);
        wrong |= difference;
        if (order == 0)
            offset = (offset + GRANULE) & mask;
        else if (order == 2)
            state = (state + difference) * 6364136223846793005ULL + 1442695040888963407ULL;
    }

    u64 end = now();
    if (wrong)
        fail("a look-up found something else than what is mapped");
    printf("%.4f\n", (double)(end - start) / count);
}

int main(void)
{
    u64 sizes = SZ_4K | SZ_2M | SZ_1G;
    char word[16];
    pool = mmap(NULL, POOL_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
    if (pool == MAP_FAILED)
        fail("there is no memory for tables");
    while (scanf("%15s", word) == 1) {
        int number, second;
        if (!strcmp(word, "work")) {
            // work UNMAP_BYTES PIECES (ADDRESS BYTES)... IOVAS IOVA...
            if (scanf("%llu %d", (unsigned long long *)&unmap_bytes, &piece_count) != 2 || piece_count < 1 || piece_count > MOST_PIECES)
                fail("work: pieces");
            for (int i = 0; i < piece_count; i++)
                if (scanf("%llu %llu", (unsigned long long *)&pieces[i][0], (unsigned long long *)&pieces[i][1]) != 2)
                    fail("work: piece");
            if (scanf("%d", &iova_count) != 1 || iova_count < 1 || iova_count > MOST_IOVAS)
                fail("work: IOVAs");
            for (int i = 0; i < iova_count; i++)
                if (scanf("%llu", (unsigned long long *)&iovas[i]) != 1)
                    fail("work: IOVA");
            new_table(sizes);
            map_all(sizes);
            verify(true);
            if (unmap_bytes) {
                unmap_all(sizes, NULL);
                verify(false);
            }
            printf("ready\n");
        } else if (!strcmp(word, "clear")) {
            new_table(sizes);
            printf("ready\n");
        } else if (!strcmp(word, "pair") && scanf("%d", &number) == 1 && number > 0) {
            pair(number, sizes);
        } else if (!strcmp(word, "look") && scanf("%d %d", &number, &second) == 2 && second > 0) {
            look(number, second);
        } else {
            fail("'%s' is no request", word);
        }
        fflush(stdout);
    }

    return 0;
}
