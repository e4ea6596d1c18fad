namespace IommuKit.Specs.PageTables;

/// <summary>
/// One page-table format, as static members of an empty struct: the engine is generic over it and every member is a constant
/// or a few instructions after inlining.
/// </summary>
/// <remarks>
/// <para>Levels count from the leaves: level 0 is the table whose entries map the granule, <see cref="TopLevel"/> the highest root.</para>
/// <para>The value 0 is a vacant entry in every format. An entry that is not 0 is either a pointer to a table
/// (<see cref="IsTable"/>) or a leaf.</para>
/// <para>Entries are carried as <see cref="ulong"/>; formats with 32-bit entries use the low half.</para>
/// </remarks>
public interface IPageTableFormat
{
    /// <summary>The name by which users select the format, for example <c>tegra</c>.</summary>
    static abstract string Name { get; }

    /// <summary>Log2 of the bytes in an entry: 2 or 3.</summary>
    static abstract int EntrySizeLog2 { get; }

    /// <summary>The highest level a root may have.</summary>
    static abstract int TopLevel { get; }

    /// <summary>Log2 of the entries in a table of <paramref name="level"/>.</summary>
    static abstract int IndexBits(int level);

    /// <summary>Log2 of the bytes of IOVA that one entry of <paramref name="level"/> covers.</summary>
    static abstract int EntryShift(int level);

    /// <summary>The page sizes of the format, one bit for each: bit n set means pages of 2^n bytes.</summary>
    static abstract ulong PageSizes { get; }

    /// <summary>Bits of the largest physical address that an entry can hold.</summary>
    static abstract int MaxOutputBits { get; }

    /// <summary>Whether an entry that is not vacant points to a table. Never called for level 0.</summary>
    static abstract bool IsTable(ulong entry, int level);

    /// <summary>An entry that points to a table.</summary>
    /// <param name="tableAddress">Physical address of the table, aligned to its size.</param>
    static abstract ulong TableEntry(ulong tableAddress);

    /// <summary>The table an entry points to.</summary>
    static abstract ulong TableAddress(ulong entry);

    /// <summary>Whether leaves can form groups: neighbouring entries that together are one larger page.</summary>
    static abstract bool HasGroups { get; }

    /// <summary>
    /// Whether the entries of a group are all the same, each holding the start of the group (AMD, RISC-V Svnapot),
    /// rather than each its own address (Arm's contiguous hint).
    /// </summary>
    static abstract bool GroupsRepeatOneEntry { get; }

    /// <summary>Whether a leaf without any access can be stored, so that a mapping with <see cref="Protection.None"/> is legal.</summary>
    static abstract bool StoresNoAccess { get; }

    /// <summary>The bits of a leaf that do not depend on its address.</summary>
    static abstract ulong LeafAttributes(Protection protection);

    /// <summary>A leaf entry, or the first entry of a group.</summary>
    /// <param name="physicalAddress">Where the page starts, aligned to its size.</param>
    /// <param name="attributes">What <see cref="LeafAttributes"/> returned.</param>
    /// <param name="level">The level of the table that will hold the entry.</param>
    /// <param name="sizeLog2">Log2 of the page size; more than the level's <see cref="EntryShift"/> for a group.</param>
    static abstract ulong LeafEntry(ulong physicalAddress, ulong attributes, int level, int sizeLog2);

    /// <summary>What to add to a leaf to make it map the entry-sized piece of memory that follows.</summary>
    static abstract ulong LeafStep(int level);

    /// <summary>The address a leaf holds: where its page starts, or for Arm's groups its own piece of the page.</summary>
    static abstract ulong LeafAddress(ulong entry, int level);

    /// <summary>Log2 of the size of the page that a leaf belongs to.</summary>
    static abstract int LeafSizeLog2(ulong entry, int level);

    /// <summary>What a leaf lets a device do.</summary>
    static abstract Protection LeafProtection(ulong entry);
}
