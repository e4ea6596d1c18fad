namespace IommuKit.Checker.Scenarios;

/// <summary>
/// The ranges that scenarios map and unmap. They are few, but they start and end where it matters: inside of lines and
/// groups, on their boundaries, across two tables.
/// </summary>
public sealed class RangeLayout : ICheckedRanges
{
    private readonly ulong _page;

    /// <summary>Chooses ranges.</summary>
    /// <param name="pageBytes">Bytes in a page.</param>
    /// <param name="tableSpan">Bytes of IOVA that a table of pages translates.</param>
    /// <param name="mapsTable">Whether all that one table translates is mapped too, which is worth it where that is a page of its own size.</param>
    /// <param name="runPages">Pages in a run, at least 18: more where invalidations of ranges take several commands only from there on.</param>
    public RangeLayout(ulong pageBytes, ulong tableSpan, bool mapsTable = false, int runPages = 18)
    {
        _page = pageBytes;
        ulong table = tableSpan;
        ulong nextTable = 2 * tableSpan;

        // A multiple of the entries in any line or group is 16; so this begins one before a boundary, and covers two lines and more.
        Run = (table + (15 * pageBytes), (ulong)runPages * pageBytes);
        Page = (table + (16 * pageBytes), pageBytes);
        Head = (table + (15 * pageBytes), 2 * pageBytes);
        Crossing = (nextTable - pageBytes, 3 * pageBytes);
        Table = (table, tableSpan);
        Maps = mapsTable ? [Run, Page, Crossing, Table] : [Run, Page, Crossing];
        Pages =
        [
            .. At(table, [14, 15, 16, 17, 23, 24, 31, 32, 33, .. runPages == 18 ? (ulong[])[] : [14 + (ulong)runPages, 15 + (ulong)runPages]]),
            nextTable - (2 * pageBytes),
            .. At(nextTable - pageBytes, 0, 1, 2),
            .. At(nextTable, 15),
        ];
    }

    /// <inheritdoc/>
    public ulong PageBytes => _page;

    /// <summary>A run of pages that covers several lines and groups, and begins at the end of one.</summary>
    public (ulong Iova, ulong Size) Run { get; }

    /// <summary>One page in it.</summary>
    public (ulong Iova, ulong Size) Page { get; }

    /// <summary>Its first two pages, which are on two sides of a boundary.</summary>
    public (ulong Iova, ulong Size) Head { get; }

    /// <summary>Pages in two tables.</summary>
    public (ulong Iova, ulong Size) Crossing { get; }

    /// <summary>All that one table translates.</summary>
    public (ulong Iova, ulong Size) Table { get; }

    /// <summary>
    /// The pages that are looked at, in ascending order: the first and last of each range, those beside them, and the ends of lines.
    /// </summary>
    public IReadOnlyList<ulong> Pages { get; }

    /// <inheritdoc/>
    public IReadOnlyList<(ulong Iova, ulong Size)> Maps { get; }

    /// <inheritdoc/>
    public IReadOnlyList<(ulong Iova, ulong Size)> Unmaps => [Run, Page, Head, Crossing, Table];

    private IEnumerable<ulong> At(ulong start, params ulong[] pages) => pages.Select(page => start + (page * _page));
}
