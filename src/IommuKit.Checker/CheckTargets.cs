using IommuKit.Checker.Iommus.Tegra;
using IommuKit.Checker.Rigs;
using IommuKit.Checker.Scenarios;
using IommuKit.Checker.Shadow;
using IommuKit.Lab.Formats;
using IommuKit.Specs.Arm;
using IommuKit.Specs.PageTables;
using IommuKit.Specs.RiscV;
using IommuKit.Specs.Tegra;
using IommuKit.Specs.Vtd;
using IommuKit.Specs.X86;

namespace IommuKit.Checker;

/// <summary>Every IOMMU that can be checked: the one place to add one to.</summary>
public static class CheckTargets
{
    /// <summary>The format in which the software IOMMU is checked unless somebody asks for others: one with a software bit.</summary>
    public const string DefaultFormat = "arm-lpae-4k-s1";

    // Tables of all levels at four places, in two domains, and some that wait to be given back.
    private const int CellsAtEnds = 60;

    // Few enough that a short scenario owes more.
    private const int FewRuns = 2;

    private const int TegraBits = 32;

    /// <summary>All of them, in a selection of formats.</summary>
    public static IReadOnlyList<CheckTarget> All { get; } =
    [
        .. TegraSoc.All.Select(Tegra),
        TunedTegra(TegraSoc.Tegra124),
        .. Software<X86Format>(48, 48),
        .. Software<ArmLpae<ArmGranule4K, ArmStage1>>(48, 48),
        .. TunedSoftware<ArmLpae<ArmGranule4K, ArmStage1>>(48, 48),
        .. Software<RiscVFormat<Sv39>>(39, 56),
        .. Software<VtdSecondStageFormat>(39, 48),
    ];

    /// <summary>What is checked unless somebody asks for others: every driver, in one format of its tables.</summary>
    public static IReadOnlyList<CheckTarget> Default { get; } =
        [.. All.Where(target => target.Tegra is not null || target.Name.StartsWith(DefaultFormat, StringComparison.Ordinal))];

    /// <summary>
    /// Where the ends of the address space are checked unless somebody asks for others: every driver, in every format of its tables, with the most
    /// and the least forgetful walker.
    /// </summary>
    public static IReadOnlyList<CheckTarget> AtEnds { get; } =
    [
        .. TegraSoc.All.Select(Tegra),
        .. FormatCatalog.All.SelectMany(kind => kind.Accept(new Walkers())).Where(target => target.HasCoherentWalk != target.CachesInvalidEntries),
    ];

    /// <summary>The target of that name, or null: one of <see cref="All"/>, or one in any other format.</summary>
    public static CheckTarget? Find(string name) => All
        .Concat(FormatCatalog.All.SelectMany(kind => kind.Accept(new Walkers())))
        .FirstOrDefault(target => string.Equals(target.Name, name, StringComparison.OrdinalIgnoreCase));

    /// <summary>The four kinds of walker that one format can have.</summary>
    private static IEnumerable<CheckTarget> Software<TFormat>(int inputBits, int outputBits)
        where TFormat : struct, IPageTableFormat =>
        from isCoherent in (bool[])[true, false]
        from cachesInvalid in (bool[])[false, true]
        let name = $"{TFormat.Name}-{(isCoherent ? "coherent" : "noncoherent")}{(cachesInvalid ? "-negative" : string.Empty)}"
        select new CheckTarget(
            name,
            $"walker in software that {(isCoherent ? "snoops" : "does not snoop")} "
                + $"and {(cachesInvalid ? "also" : "never")} remembers what is not present",
            CanAttach: false,
            new RangeLayout(TrackedPages<TFormat>.PageBytes, 1ul << TFormat.EntryShift(1)),
            new EndsLayout(TrackedPages<TFormat>.PageBytes, inputBits, TFormat.SignExtendsInput),
            settings => new SoftwareRig<TFormat>(name, inputBits, outputBits, isCoherent, cachesInvalid, settings))
        {
            HasCoherentWalk = isCoherent,
            CachesInvalidEntries = cachesInvalid,
            HasSoftwareBit = TFormat.SoftwareBit != 0,
            PoolBytesAtEnds = (ulong)CellsAtEnds << TrackedPages<TFormat>.TableLog2(0),
        };

    /// <summary>
    /// The same with pages of two sizes and a flush of everything where many pages change: what no driver does by itself, but users may ask for.
    /// </summary>
    private static IEnumerable<CheckTarget> TunedSoftware<TFormat>(int inputBits, int outputBits)
        where TFormat : struct, IPageTableFormat =>
        from target in Software<TFormat>(inputBits, outputBits)
        where !target.CachesInvalidEntries
        select Tuned(target, TrackedPages<TFormat>.PageBytes, 1ul << TFormat.EntryShift(1));

    private static CheckTarget TunedTegra(TegraSoc soc) =>
        Tuned(Tegra(soc), 1ul << TegraEntry.PageShift, 1ul << TegraEntry.SectionShift) with
        {
            // A page needs one group, ranges across a boundary two, longer ones more.
            SectionThreshold = 3,
            AsidThreshold = 2,
        };

    private static CheckTarget Tuned(CheckTarget target, ulong pageBytes, ulong tableSpan) => target with
    {
        Name = $"{target.Name}-tuned",
        Description = $"{target.Description}; with large pages, and thresholds above which wider flushes replace several",
        Layout = new RangeLayout(pageBytes, tableSpan, mapsTable: true),
        PageSizes = pageBytes | tableSpan,
        FlushAllPages = (int)(tableSpan / pageBytes),
        ExplicitCapacity = FewRuns,
    };

    private static CheckTarget Tegra(TegraSoc soc) => new(
        soc.Name,
        "register-level model; the walker does not snoop, and everything caches what is not present",
        CanAttach: true,
        new RangeLayout(1ul << TegraEntry.PageShift, 1ul << TegraEntry.SectionShift),
        new EndsLayout(1ul << TegraEntry.PageShift, TegraBits, isSigned: false),
        settings => new TegraRig(soc, settings))
    {
        Tegra = soc,
    };

    /// <summary>All walkers of a format that is known by name, with the widest IOVAs whose root is a whole table.</summary>
    private sealed class Walkers : IFormatVisitor<IEnumerable<CheckTarget>>
    {
        public IEnumerable<CheckTarget> Visit<TFormat>(FormatKind kind)
            where TFormat : struct, IPageTableFormat
        {
            int bits = kind.InputBits;
            while (!HasWholeRoot<TFormat>(bits, kind.OutputBits))
            {
                bits--;
            }

            return Software<TFormat>(bits, kind.OutputBits);
        }

        private static bool HasWholeRoot<TFormat>(int inputBits, int outputBits)
            where TFormat : struct, IPageTableFormat =>
            TFormat.TryGetRoot(inputBits, out int level, out int bits)
            && bits >= TFormat.IndexBits(0)
            && !TFormat.HasLowerRoot(outputBits, level, bits);
    }
}
