using IommuKit.Checker.Scenarios;
using IommuKit.Checker.Shadow;
using IommuKit.Lab.Formats;
using IommuKit.Specs.Arm;
using IommuKit.Specs.PageTables;
using IommuKit.Specs.RiscV;
using IommuKit.Specs.Vtd;
using IommuKit.Specs.X86;

namespace IommuKit.Checker.Iommus.Software;

/// <summary>The software IOMMU as the checker knows it: in any format, with the four kinds of walker that there can be.</summary>
internal static class SoftwareTargets
{
    /// <summary>The format in which it is checked unless somebody asks for others: one with a software bit.</summary>
    public const string DefaultFormat = "arm-lpae-4k-s1";

    // Of two domains, with some to spare.
    private const int Tables = 16;

    /// <summary>A selection of formats, and the default one tuned.</summary>
    public static IEnumerable<CheckTarget> All =>
    [
        .. Of<X86Format>(48, 48),
        .. Of<ArmLpae<ArmGranule4K, ArmStage1>>(48, 48),
        .. Tuned<ArmLpae<ArmGranule4K, ArmStage1>>(48, 48),
        .. Of<RiscVFormat<Sv39>>(39, 56),
        .. Of<VtdSecondStageFormat>(39, 48),
    ];

    /// <summary>All walkers of a format that is known by name, with the widest IOVAs whose root is a whole table.</summary>
    public static IEnumerable<CheckTarget> Of(FormatKind format) => format.Accept(new Walkers());

    private static IEnumerable<CheckTarget> Of<TFormat>(int inputBits, int outputBits)
        where TFormat : struct, IPageTableFormat =>
        from isCoherent in (bool[])[true, false]
        from cachesInvalid in (bool[])[false, true]
        let name = $"{TFormat.Name}-{(isCoherent ? "coherent" : "noncoherent")}{(cachesInvalid ? "-negative" : string.Empty)}"
        let traits = new ShadowTraits
        {
            HasCoherentWalk = isCoherent,
            HasStoreBuffer = isCoherent,
            CachesInvalidEntries = cachesInvalid,
            HasWalkCache = true,
        }
        select new CheckTarget(
            name,
            $"walker in software that {(isCoherent ? "snoops" : "does not snoop")} "
                + $"and {(cachesInvalid ? "also" : "never")} remembers what is not present",
            traits,
            new RangeLayout(TrackedPages<TFormat>.PageBytes, 1ul << TFormat.EntryShift(1)),
            new EndsLayout(TrackedPages<TFormat>.PageBytes, inputBits, TFormat.SignExtendsInput),
            settings => new SoftwareRig<TFormat>(name, inputBits, outputBits, traits, settings))
        {
            IsDefault = TFormat.Name == DefaultFormat,
            IsDefaultAtEnds = isCoherent != cachesInvalid,
            Bugs = SoftwareBugs.Of<TFormat>(),
            PoolBytes = TrackedPages<TFormat>.PoolBytesFor(Tables, inputBits),
            PoolBytesAtEnds = TrackedPages<TFormat>.PoolBytesFor(TrackedPages<TFormat>.TablesAtEnds, inputBits),
        };

    /// <summary>
    /// The same with pages of two sizes and a flush of everything where many pages change: what no driver does by itself, but users may ask for.
    /// </summary>
    private static IEnumerable<CheckTarget> Tuned<TFormat>(int inputBits, int outputBits)
        where TFormat : struct, IPageTableFormat =>
        from target in Of<TFormat>(inputBits, outputBits)
        where !target.CachesInvalidEntries
        select target.Tuned(TrackedPages<TFormat>.PageBytes, 1ul << TFormat.EntryShift(1));

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

            return Of<TFormat>(bits, kind.OutputBits);
        }

        private static bool HasWholeRoot<TFormat>(int inputBits, int outputBits)
            where TFormat : struct, IPageTableFormat =>
            TFormat.TryGetRoot(inputBits, out int level, out int bits)
            && bits >= TFormat.IndexBits(0)
            && !TFormat.HasLowerRoot(outputBits, level, bits);
    }
}
