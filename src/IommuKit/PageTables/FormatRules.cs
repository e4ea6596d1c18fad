using System.Numerics;
using IommuKit.Specs.PageTables;

namespace IommuKit.PageTables;

/// <summary>What the engine relies on in a format. A format that breaks a rule is refused before it has a table.</summary>
internal static class FormatRules
{
    // The ways down from the root are written out, level by level.
    private const int LastLevel = 5;

    /// <summary>Checks a format, whatever the widths.</summary>
    /// <exception cref="ArgumentException">A rule is broken; the message says which.</exception>
    public static void Check<TFormat>()
        where TFormat : struct, IPageTableFormat
    {
        Require<TFormat>(TFormat.EntrySizeLog2 is 2 or 3, "entries must have 4 or 8 bytes");
        Require<TFormat>(TFormat.TopLevel is >= 1 and <= LastLevel, $"the top level must be 1 to {LastLevel}");
        Require<TFormat>(TFormat.MaxOutputBits is >= 1 and <= 64, "physical addresses must have 1 to 64 bits");
        CheckLevels<TFormat>();
        Require<TFormat>(
            (TFormat.EntrySizeLog2, TFormat.IndexBits(0), TFormat.TopLevel, TFormat.LinearOutputBits, TFormat.EntryShift(0))
            == (Layout<TFormat>.EntrySizeLog2,
                Layout<TFormat>.IndexBits,
                Layout<TFormat>.TopLevel,
                Layout<TFormat>.LinearOutputBits,
                Layout<TFormat>.PageShift),
            "it must give the same answers as before");
        CheckPageSizes<TFormat>();
        CheckPointers<TFormat>();
    }

    /// <summary>Checks the root for a width of IOVAs.</summary>
    /// <exception cref="ArgumentException">A rule is broken; the message says which.</exception>
    public static void CheckRoot<TFormat>(int inputBits, int level, int indexBits)
        where TFormat : struct, IPageTableFormat
    {
        Require<TFormat>(level >= 1 && level <= TFormat.TopLevel, $"a root must be at level 1 to the top, not {level}");
        Require<TFormat>(
            indexBits >= 1 && indexBits + TFormat.EntrySizeLog2 <= PageAllocator.MaxBlockLog2,
            $"a root of 2^{indexBits} entries is larger than the largest block of 2^{PageAllocator.MaxBlockLog2} bytes, or empty");
        Require<TFormat>(TFormat.EntryShift(level) + indexBits >= inputBits, $"a root must translate all {inputBits} bits of an IOVA");
    }

    private static void CheckLevels<TFormat>()
        where TFormat : struct, IPageTableFormat
    {
        int bits = TFormat.IndexBits(0);
        Require<TFormat>(
            bits >= 1 && bits + TFormat.EntrySizeLog2 <= PageAllocator.MaxBlockLog2,
            $"a table must have at least 2 entries and at most 2^{PageAllocator.MaxBlockLog2} bytes");
        Require<TFormat>(TFormat.EntryShift(0) is >= PageAllocator.MinBlockLog2 and < 64, "pages must have 1 KiB at least");
        for (int level = 1; level <= TFormat.TopLevel; level++)
        {
            int levelBits = TFormat.IndexBits(level);
            Require<TFormat>(
                levelBits == bits || (level == TFormat.TopLevel && levelBits >= 1),
                $"tables below the root must all have the same number of entries; level {level} has 2^{levelBits}, level 0 2^{bits}");
            Require<TFormat>(
                TFormat.EntryShift(level) == TFormat.EntryShift(level - 1) + bits && TFormat.EntryShift(level) < 64,
                $"an entry of level {level} must cover what a table of level {level - 1} does, within 64 bits");
        }
    }

    private static void CheckPageSizes<TFormat>()
        where TFormat : struct, IPageTableFormat
    {
        ulong sizes = TFormat.PageSizes;
        Require<TFormat>(sizes != 0, "there must be a page size");
        ulong attributes = TFormat.LeafAttributes(Protection.Read | Protection.Write);
        for (; sizes != 0; sizes &= sizes - 1)
        {
            int log2 = BitOperations.TrailingZeroCount(sizes);
            int level = Math.Min((log2 - TFormat.EntryShift(0)) / TFormat.IndexBits(0), TFormat.TopLevel);
            int groupLog2 = log2 - TFormat.EntryShift(level);
            Require<TFormat>(
                groupLog2 == 0 || (groupLog2 > 0 && TFormat.HasGroups && groupLog2 < TFormat.IndexBits(level)),
                $"a page of 2^{log2} bytes must be one entry of a level, or a group of them that is less than a table");
            Require<TFormat>(log2 <= TFormat.LinearOutputBits, $"a page of 2^{log2} bytes must not cross a multiple of 2^{TFormat.LinearOutputBits}");
            ulong leaf = TFormat.LeafEntry(0, attributes, level, log2);
            Require<TFormat>(
                leaf != 0 && (level == 0 || !TFormat.IsTable(leaf, level)) && TFormat.LeafSizeLog2(leaf, level) == log2,
                $"a leaf of 2^{log2} bytes at level {level} must be neither vacant nor a pointer, and tell its size");
        }
    }

    private static void CheckPointers<TFormat>()
        where TFormat : struct, IPageTableFormat
    {
        for (int level = 1; level <= TFormat.TopLevel; level++)
        {
            for (int bit = TFormat.IndexBits(0) + TFormat.EntrySizeLog2; bit < TFormat.MaxOutputBits; bit++)
            {
                ulong table = 1ul << bit;
                ulong pointer = TFormat.TableEntry(table, level) | TFormat.SoftwareBit;
                Require<TFormat>(
                    TFormat.IsTable(pointer, level) && TFormat.TableAddress(pointer) == table,
                    $"an entry of level {level} must be able to point to a table at 0x{table:x}");
            }

            Require<TFormat>(!TFormat.IsTable(0, level), $"an entry of 0 must be vacant at level {level}");
        }
    }

    private static void Require<TFormat>(bool holds, string rule)
        where TFormat : struct, IPageTableFormat
    {
        if (!holds)
        {
#pragma warning disable MA0015 // What is wrong is not an argument but the type argument of the caller.
            throw new ArgumentException($"Format {TFormat.Name} cannot be used: {rule}.");
#pragma warning restore MA0015
        }
    }
}
