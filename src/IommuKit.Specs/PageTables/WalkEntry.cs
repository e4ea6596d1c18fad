using System.Runtime.CompilerServices;

namespace IommuKit.Specs.PageTables;

/// <summary>An entry as hardware decodes it, no matter who wrote it.</summary>
/// <param name="Kind">What it is. Only of pointers and leaves the rest is told.</param>
/// <param name="Address">Where the table, or the page, starts.</param>
/// <param name="Level">Of a pointer: the level of the table it points to.</param>
/// <param name="SizeLog2">
/// Of a leaf: log2 of the bytes that follow each other from <paramref name="Address"/>. A group that repeats one entry is one piece; in one whose
/// entries hold their own addresses, each is.
/// </param>
/// <param name="Rights">
/// What the entry lets devices do. <see cref="Protection.Read"/> and <see cref="Protection.Write"/> of a pointer grant; its other flags limit.
/// </param>
public readonly record struct WalkEntry(WalkEntryKind Kind, ulong Address, int Level, int SizeLog2, Protection Rights)
{
    private const Protection Granting = Protection.Read | Protection.Write;
    private const Protection Limiting = Protection.NoExecute | Protection.Privileged;

    /// <summary>An entry that is neither a pointer nor a leaf.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static WalkEntry Of(WalkEntryKind kind) => new(kind, 0, 0, 0, Protection.None);

    /// <summary>A pointer.</summary>
    /// <param name="address">Where the table starts.</param>
    /// <param name="level">The level of that table.</param>
    /// <param name="rights">What it grants, and how it limits what is below.</param>
    /// <param name="outputBits">Bits of a physical address.</param>
    /// <param name="tooWide">What an address with more bits is.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static WalkEntry Table(
        ulong address, int level, Protection rights, int outputBits, WalkEntryKind tooWide = WalkEntryKind.AddressTooWide) =>
        address >> outputBits == 0 ? new(WalkEntryKind.Table, address, level, 0, rights) : Of(tooWide);

    /// <summary>A leaf.</summary>
    /// <param name="address">Where the page starts.</param>
    /// <param name="sizeLog2">Log2 of its size.</param>
    /// <param name="rights">What it lets devices do.</param>
    /// <param name="outputBits">Bits of a physical address.</param>
    /// <param name="tooWide">What an address with more bits is.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static WalkEntry Leaf(
        ulong address, int sizeLog2, Protection rights, int outputBits, WalkEntryKind tooWide = WalkEntryKind.AddressTooWide) =>
        address >> outputBits == 0 ? new(WalkEntryKind.Leaf, address, 0, sizeLog2, rights) : Of(tooWide);

    /// <summary>The rights of an entry below another: what both grant, under the limits of either. The memory type is the lower one's.</summary>
    /// <param name="above">The rights on the way to the entry.</param>
    /// <param name="entry">The entry's own.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Protection Combine(Protection above, Protection entry) =>
        (entry & (above | ~Granting)) | (above & Limiting);
}
