namespace IommuKit.Checker.Shadow;

/// <summary>
/// What hardware may hold, as far as register writes have taken effect. Each word is a set: of values that an entry had
/// (<see cref="DistinctValues"/>), or of translations that a page had.
/// </summary>
internal sealed class ShadowState
{
    /// <summary>The most address spaces that are followed.</summary>
    public const int MaxSpaces = 63;

    /// <summary>The bit of <see cref="HeldRoutes"/> for no address space, or one that is not followed.</summary>
    public const ulong NoRoute = 1ul << MaxSpaces;

    public ShadowState(int entries, int cells, int linesPerCell, int spaces, int levels, int pages, int devices)
    {
        Cached = new ulong[entries];
        Lines = new ulong[cells * LineWords(linesPerCell)];
        Translations = new ulong[spaces * pages];
        Walks = new ulong[spaces * levels * pages];
        Answers = new ulong[spaces * pages];
        Roots = new ulong[spaces];
        OldRoots = new ulong[spaces];
        Routes = new ulong[devices];
        HeldRoutes = new ulong[devices];
        DeviceTlbs = new ulong[devices * pages];
        Array.Fill(Roots, ShadowCommand.Nothing);
        Array.Fill(OldRoots, ShadowCommand.Nothing);
        Array.Fill(Routes, ShadowCommand.Nothing);
        Array.Fill(HeldRoutes, NoRoute);
        Array.Fill(Answers, 1ul);
    }

    /// <summary>What the table cache may hold of each entry.</summary>
    public ulong[] Cached { get; }

    /// <summary>Which lines of each cell the table cache may hold, of entries that matter or not.</summary>
    public ulong[] Lines { get; }

    /// <summary>What the TLB may hold of each page, by address space.</summary>
    public ulong[] Translations { get; }

    /// <summary>Which tables the walk cache may hold, by address space, level of the table and page: sets of cells.</summary>
    public ulong[] Walks { get; }

    /// <summary>Every answer that a device may get for a page, by address space.</summary>
    public ulong[] Answers { get; }

    /// <summary>The root of each address space.</summary>
    public ulong[] Roots { get; }

    /// <summary>The root that each address space had before, where hardware may go on with it.</summary>
    public ulong[] OldRoots { get; }

    /// <summary>The address space of each device, as registers and memory say.</summary>
    public ulong[] Routes { get; }

    /// <summary>Every address space that hardware may use for each device: one bit for each, and <see cref="NoRoute"/>.</summary>
    public ulong[] HeldRoutes { get; }

    /// <summary>What the TLB of each device may hold of each page.</summary>
    public ulong[] DeviceTlbs { get; }

    /// <summary>Words that a set of the lines of one cell takes.</summary>
    public static int LineWords(int linesPerCell) => (linesPerCell + 63) / 64;

    /// <summary>Makes this the same as another.</summary>
    public void CopyFrom(ShadowState other)
    {
        other.Cached.CopyTo(Cached, 0);
        other.Lines.CopyTo(Lines, 0);
        other.Translations.CopyTo(Translations, 0);
        other.Walks.CopyTo(Walks, 0);
        other.Answers.CopyTo(Answers, 0);
        other.Roots.CopyTo(Roots, 0);
        other.OldRoots.CopyTo(OldRoots, 0);
        other.Routes.CopyTo(Routes, 0);
        other.HeldRoutes.CopyTo(HeldRoutes, 0);
        other.DeviceTlbs.CopyTo(DeviceTlbs, 0);
    }

    /// <summary>Adds what another may hold. Both are after the same writes, so that roots and routes are the same.</summary>
    public void UniteWith(ShadowState other)
    {
        Unite(Cached, other.Cached);
        Unite(Lines, other.Lines);
        Unite(Translations, other.Translations);
        Unite(Walks, other.Walks);
        Unite(Answers, other.Answers);
        Unite(HeldRoutes, other.HeldRoutes);
        Unite(DeviceTlbs, other.DeviceTlbs);
    }

    private static void Unite(ulong[] sets, ulong[] others)
    {
        for (int i = 0; i < sets.Length; i++)
        {
            sets[i] |= others[i];
        }
    }
}
