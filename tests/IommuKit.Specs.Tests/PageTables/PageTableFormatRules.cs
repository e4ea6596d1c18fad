using IommuKit.Specs.PageTables;

namespace IommuKit.Specs.Tests.PageTables;

/// <summary>What holds in every format, whatever its bits are.</summary>
public abstract class PageTableFormatRules<TFormat>
    where TFormat : struct, IPageTableFormat
{
    private const ulong TestAddress = 0x74a7_1445_dead_beef;
    private const Protection ReadWrite = Protection.Read | Protection.Write;

    private static readonly Protection[] Protections = [.. Enumerable.Range(0, 64)
        .Select(value => (Protection)value)
        .Where(protection => TFormat.StoresNoAccess || (protection & ReadWrite) != 0)];

    private static ulong LastAddress => ulong.MaxValue >> (64 - TFormat.MaxOutputBits);

    [Fact]
    public void A_leaf_gives_back_its_address_and_its_size()
    {
        foreach (var (size, level) in FormatProbe.Leaves<TFormat>())
        {
            foreach (ulong address in Addresses(size))
            {
                foreach (var protection in Protections)
                {
                    ulong entry = TFormat.LeafEntry(address, TFormat.LeafAttributes(protection), level, size);

                    entry.ShouldNotBe(0ul);
                    (entry >> (8 << TFormat.EntrySizeLog2 >> 1) >> (8 << TFormat.EntrySizeLog2 >> 1)).ShouldBe(0ul);
                    TFormat.LeafAddress(entry, level).ShouldBe(address, $"2^{size} bytes at level {level}, {protection}");
                    TFormat.LeafSizeLog2(entry, level).ShouldBe(size, $"2^{size} bytes at level {level}, {protection}");
                    (level != 0 && TFormat.IsTable(entry, level)).ShouldBeFalse($"2^{size} bytes at level {level}, {protection}");
                }
            }
        }
    }

    [Fact]
    public void Every_entry_of_a_group_has_its_size_and_the_address_that_the_format_promises()
    {
        foreach (var (size, level) in FormatProbe.Leaves<TFormat>())
        {
            int shift = TFormat.EntryShift(level);
            ulong address = Addresses(size).First();
            ulong first = TFormat.LeafEntry(address, TFormat.LeafAttributes(ReadWrite), level, size);
            for (ulong i = 0; i < 1ul << (size - shift); i++)
            {
                ulong entry = TFormat.GroupsRepeatOneEntry ? first : first + (i * TFormat.LeafStep(level));

                TFormat.LeafSizeLog2(entry, level).ShouldBe(size);
                TFormat.LeafAddress(entry, level).ShouldBe(TFormat.GroupsRepeatOneEntry ? address : address + (i << shift));
            }

            (TFormat.HasGroups || size == shift).ShouldBeTrue();
        }
    }

    [Fact]
    public void Pages_that_follow_each_other_differ_by_a_step_for_each_entry()
    {
        foreach (var (size, level) in FormatProbe.Leaves<TFormat>())
        {
            ulong address = Addresses(size).First() & ~(1ul << size);
            ulong next = address + (1ul << size);
            if (next > LastAddress || (TFormat.LinearOutputBits < 64 && (address ^ next) >> TFormat.LinearOutputBits != 0))
            {
                continue;
            }

            ulong attributes = TFormat.LeafAttributes(ReadWrite);
            ulong step = TFormat.LeafStep(level) << (size - TFormat.EntryShift(level));
            TFormat.LeafEntry(next, attributes, level, size).ShouldBe(TFormat.LeafEntry(address, attributes, level, size) + step);
        }
    }

    [Fact]
    public void A_vacant_entry_is_no_pointer()
    {
        for (int level = 1; level <= TFormat.TopLevel; level++)
        {
            TFormat.IsTable(0, level).ShouldBeFalse();
        }
    }

    [Fact]
    public void A_pointer_gives_back_the_table()
    {
        for (int level = 1; level <= TFormat.TopLevel; level++)
        {
            foreach (ulong address in Addresses(TFormat.IndexBits(level - 1) + TFormat.EntrySizeLog2))
            {
                ulong entry = TFormat.TableEntry(address, level);

                entry.ShouldNotBe(0ul);
                TFormat.TableAddress(entry).ShouldBe(address);
                TFormat.IsTable(entry, level).ShouldBeTrue();
            }
        }
    }

    [Fact]
    public void The_software_bit_changes_nothing_about_a_pointer()
    {
        if (TFormat.SoftwareBit == 0)
        {
            return;
        }

        ulong.PopCount(TFormat.SoftwareBit).ShouldBe(1ul);
        for (int level = 1; level <= TFormat.TopLevel; level++)
        {
            foreach (ulong address in Addresses(TFormat.IndexBits(level - 1) + TFormat.EntrySizeLog2))
            {
                ulong entry = TFormat.TableEntry(address, level);

                (entry & TFormat.SoftwareBit).ShouldBe(0ul);
                TFormat.TableAddress(entry | TFormat.SoftwareBit).ShouldBe(address);
                TFormat.IsTable(entry | TFormat.SoftwareBit, level).ShouldBeTrue();
            }
        }
    }

    [Fact]
    public void A_leaf_holds_what_was_asked_for_or_less_but_may_be_readable()
    {
        foreach (var (size, level) in FormatProbe.Leaves<TFormat>())
        {
            foreach (var asked in Protections)
            {
                var held = Stored(asked, level, size);

                (held & ReadWrite & ~Protection.Read).ShouldBe(asked & ReadWrite & ~Protection.Read);
                (held & asked & Protection.Read).ShouldBe(asked & Protection.Read);
                (held & ~asked & ~Protection.Read).ShouldBe(Protection.None);
                Stored(held, level, size).ShouldBe(held);
            }
        }
    }

    [Fact]
    public void Levels_follow_each_other()
    {
        for (int level = 0; level < TFormat.TopLevel; level++)
        {
            (TFormat.EntryShift(level) + TFormat.IndexBits(level)).ShouldBe(TFormat.EntryShift(level + 1));
        }
    }

    [Fact]
    public void A_root_covers_its_width()
    {
        int roots = 0;
        for (int width = 1; width <= 64; width++)
        {
            if (FormatProbe.Root<TFormat>(width) is var (level, indexBits))
            {
                roots++;
                level.ShouldBeInRange(1, TFormat.TopLevel);
                (TFormat.EntryShift(level) + indexBits).ShouldBeGreaterThanOrEqualTo(width);
            }
        }

        roots.ShouldBePositive();
        FormatProbe.Root<TFormat>(TFormat.EntryShift(0)).ShouldBeNull();
    }

    [Fact]
    public void Hardware_makes_of_an_entry_what_the_engine_meant()
    {
        foreach (var (size, level) in FormatProbe.Leaves<TFormat>())
        {
            foreach (var protection in Protections)
            {
                foreach (ulong address in Addresses(size))
                {
                    ulong entry = TFormat.LeafEntry(address, TFormat.LeafAttributes(protection), level, size);
                    var decoded = TFormat.Decode(entry, level, TFormat.MaxOutputBits);

                    decoded.Kind.ShouldBe(WalkEntryKind.Leaf, $"2^{size} bytes at level {level}, {protection}");
                    decoded.Address.ShouldBe(address);
                    decoded.SizeLog2.ShouldBe(TFormat.GroupsRepeatOneEntry ? size : TFormat.EntryShift(level));
                    decoded.Rights.ShouldBe(TFormat.LeafProtection(entry, level));
                }
            }
        }

        for (int level = 1; level <= TFormat.TopLevel; level++)
        {
            foreach (ulong address in Addresses(TFormat.IndexBits(level - 1) + TFormat.EntrySizeLog2))
            {
                var expected = new WalkEntry(WalkEntryKind.Table, address, level - 1, 0, ReadWrite);
                TFormat.Decode(TFormat.TableEntry(address, level), level, TFormat.MaxOutputBits).ShouldBe(expected);
                TFormat.Decode(TFormat.TableEntry(address, level) | TFormat.SoftwareBit, level, TFormat.MaxOutputBits).ShouldBe(expected);
            }

            TFormat.Decode(0, level, TFormat.MaxOutputBits).Kind.ShouldBe(WalkEntryKind.NotPresent);
        }
    }

    [Fact]
    public void Whatever_an_entry_holds_its_pointer_goes_down_and_its_address_exists()
    {
        var random = new Random(1);
        for (int i = 0; i < 100_000; i++)
        {
            ulong entry = (ulong)random.NextInt64(long.MinValue, long.MaxValue) >> random.Next(64) << random.Next(8);
            int level = random.Next(TFormat.TopLevel + 1);
            int outputBits = random.Next(TFormat.EntryShift(0) + 1, TFormat.MaxOutputBits + 1);
            var decoded = TFormat.Decode(TFormat.EntrySizeLog2 == 2 ? (uint)entry : entry, level, outputBits);
            if (decoded.Kind is WalkEntryKind.Table)
            {
                decoded.Level.ShouldBeInRange(0, level - 1);
                (decoded.Address >> outputBits).ShouldBe(0ul);
            }
            else if (decoded.Kind is WalkEntryKind.Leaf)
            {
                decoded.SizeLog2.ShouldBeInRange(TFormat.EntryShift(0), 63);
                (decoded.Address >> outputBits).ShouldBe(0ul);
                (decoded.Address & ((1ul << decoded.SizeLog2) - 1)).ShouldBe(0ul);
            }
            else
            {
                decoded.ShouldBe(WalkEntry.Of(decoded.Kind));
            }
        }
    }

    private static Protection Stored(Protection protection, int level, int size) =>
        TFormat.LeafProtection(TFormat.LeafEntry(Addresses(size).First(), TFormat.LeafAttributes(protection), level, size), level);

    private static IEnumerable<ulong> Addresses(int alignment)
    {
        ulong mask = LastAddress & (ulong.MaxValue << alignment);
        return [TestAddress & mask, 0, mask];
    }
}
