namespace IommuKit.PageTables;

/// <summary>How far an unmap has come.</summary>
internal struct UnmapPosition
{
    public UnmapPosition(ulong iova, ulong size)
    {
        Start = iova;
        Iova = iova;
        Last = iova + (size - 1);
    }

    /// <summary>Where it started.</summary>
    public ulong Start { get; }

    /// <summary>The last IOVA to unmap.</summary>
    public ulong Last { get; }

    /// <summary>The next IOVA to unmap.</summary>
    public ulong Iova { get; private set; }

    /// <summary>Tables for the pages that have to be split.</summary>
    public TableList Reserved;

    /// <summary>Whether something was passed.</summary>
    public bool HasAdvanced { get; private set; }

    /// <summary>
    /// Whether something is left to unmap at or before <paramref name="last"/>. Not to be asked before the first <see cref="Advance"/>.
    /// </summary>
    // IOVA 0 after an advance means that the end of the number space was reached.
    public readonly bool IsBefore(ulong last) => HasNotPassed(Last) && HasNotPassed(last);

    /// <summary>Whether everything up to <paramref name="last"/> is done. Not to be asked before the first <see cref="Advance"/>.</summary>
    public readonly bool HasPassed(ulong last) => !HasNotPassed(last);

    /// <summary>Moves over what was unmapped.</summary>
    public void Advance(ulong bytes)
    {
        Iova += bytes;
        HasAdvanced = true;
    }

    private readonly bool HasNotPassed(ulong last) => Iova - 1 < last;
}
