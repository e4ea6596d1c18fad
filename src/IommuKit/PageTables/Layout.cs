using System.Runtime.CompilerServices;
using IommuKit.Specs.PageTables;

namespace IommuKit.PageTables;

/// <summary>
/// What the engine's bounds rest on, asked of a format once and checked by <see cref="FormatRules"/>: a format that gives other answers
/// later moves no access out of a table. To the compiler these are constants, as the format's own members are.
/// </summary>
internal static class Layout<TFormat>
    where TFormat : struct, IPageTableFormat
{
    public static readonly int EntrySizeLog2 = TFormat.EntrySizeLog2;

    /// <summary>Log2 of the entries in every table below the root.</summary>
    public static readonly int IndexBits = TFormat.IndexBits(0);

    public static readonly int TopLevel = TFormat.TopLevel;

    public static readonly int LinearOutputBits = TFormat.LinearOutputBits;

    public static readonly int PageShift = TFormat.EntryShift(0);

    public static int TableLog2
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => IndexBits + EntrySizeLog2;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int Shift(int level) => PageShift + (level * IndexBits);
}
