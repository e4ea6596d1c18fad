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
/// <para>Members with a body are features that most formats do not have; the body says so.</para>
/// </remarks>
public interface IPageTableFormat
{
    /// <summary>The name by which users select the format, for example <c>tegra</c>.</summary>
    static abstract string Name { get; }

    /// <summary>Log2 of the bytes in an entry: 2 or 3.</summary>
    static abstract int EntrySizeLog2 { get; }

    /// <summary>The highest level a root may have.</summary>
    static abstract int TopLevel { get; }

    /// <summary>Log2 of the entries in a table of <paramref name="level"/> that is not the root.</summary>
    static abstract int IndexBits(int level);

    /// <summary>Log2 of the bytes of IOVA that one entry of <paramref name="level"/> covers.</summary>
    static abstract int EntryShift(int level);

    /// <summary>Where a walk of IOVAs of that many bits starts.</summary>
    /// <param name="inputBits">Bits of an IOVA.</param>
    /// <param name="level">The level of the root.</param>
    /// <param name="indexBits">Log2 of the entries in the root, whether the IOVA has bits for all of them or not.</param>
    /// <returns>False if the format has no root for that width.</returns>
    static abstract bool TryGetRoot(int inputBits, out int level, out int indexBits);

    /// <summary>
    /// Whether hardware with physical addresses of that many bits wants a root one level lower than <see cref="TryGetRoot"/> says: several tables of
    /// that level, one after the other.
    /// </summary>
    /// <param name="outputBits">Bits of a physical address.</param>
    /// <param name="level">The level of the root.</param>
    /// <param name="indexBits">Log2 of the entries in it.</param>
    static virtual bool HasLowerRoot(int outputBits, int level, int indexBits) => false;

    /// <summary>
    /// Whether an IOVA that uses every bit of its root is sign-extended to 64 bits, so that there are a low and a high half with a gap between.
    /// </summary>
    static virtual bool SignExtendsInput => false;

    /// <summary>The page sizes of the format, one bit for each: bit n set means pages of 2^n bytes.</summary>
    static abstract ulong PageSizes { get; }

    /// <summary>
    /// Which of <see cref="PageSizes"/> exist when physical addresses have that many bits: a mask to apply to them. It has every bit set in
    /// formats whose page sizes do not depend on it.
    /// </summary>
    /// <param name="outputBits">Bits of a physical address.</param>
    static virtual ulong PageSizeMask(int outputBits) => ulong.MaxValue;

    /// <summary>Bits of the largest physical address that an entry can hold.</summary>
    static abstract int MaxOutputBits { get; }

    /// <summary>
    /// Leaves that follow each other in memory differ by <see cref="LeafStep"/> as long as they do not cross a multiple of 2 to this power.
    /// 64 if they always do.
    /// </summary>
    static virtual int LinearOutputBits => 64;

    /// <summary>Whether an entry points to a table. False for a vacant one. Never called for level 0.</summary>
    static abstract bool IsTable(ulong entry, int level);

    /// <summary>An entry that points to a table.</summary>
    /// <param name="tableAddress">Physical address of the table, aligned to its size.</param>
    /// <param name="level">The level of the table that will hold the entry.</param>
    static abstract ulong TableEntry(ulong tableAddress, int level);

    /// <summary>The table an entry points to.</summary>
    static abstract ulong TableAddress(ulong entry);

    /// <summary>
    /// A bit of a pointer to a table that hardware ignores. The engine sets it when the pointer is known to be visible to the walker, so
    /// that another thread that meets it without the bit makes it visible itself. 0 if the format has no such bit.
    /// </summary>
    static virtual ulong SoftwareBit => 0;

    /// <summary>Whether leaves can form groups: neighbouring entries that together are one larger page.</summary>
    static virtual bool HasGroups => false;

    /// <summary>
    /// Whether the entries of a group are all the same, each holding the start of the group (AMD, RISC-V Svnapot),
    /// rather than each its own address (Arm's contiguous hint).
    /// </summary>
    static virtual bool GroupsRepeatOneEntry => false;

    /// <summary>
    /// Whether the architecture forbids that a page changes its size in one step: the old entry must be gone from memory and from every cache
    /// before the new one is stored.
    /// </summary>
    static virtual bool NeedsBreakBeforeMake => false;

    /// <summary>Whether a leaf without any access can be stored, so that a mapping with <see cref="Protection.None"/> is legal.</summary>
    static virtual bool StoresNoAccess => false;

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
    static abstract Protection LeafProtection(ulong entry, int level);

    /// <summary>
    /// What hardware makes of an entry that anybody may have written: the rules of the architecture, where the other members only know what the
    /// engine writes. For walkers.
    /// </summary>
    /// <param name="entry">Any value.</param>
    /// <param name="level">The level of the table that holds it.</param>
    /// <param name="outputBits">Bits of a physical address, 1 to <see cref="MaxOutputBits"/>.</param>
    static abstract WalkEntry Decode(ulong entry, int level, int outputBits);
}
