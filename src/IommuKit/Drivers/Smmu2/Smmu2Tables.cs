using IommuKit.Domains;
using IommuKit.PageTables;
using IommuKit.Specs.Arm;
using IommuKit.Specs.Memory;
using IommuKit.Specs.PageTables;

namespace IommuKit.Drivers.Smmu2;

/// <summary>The page tables of one stage, format and granule.</summary>
internal abstract class Smmu2Tables
{
    /// <summary>Name of the format.</summary>
    public abstract string Format { get; }

    /// <summary>The sizes of pages, blocks and groups of them.</summary>
    public abstract ulong PageSizes { get; }

    /// <summary>The sizes of what one entry maps.</summary>
    public abstract ulong EntrySizes { get; }

    /// <summary>The tables of a stage, format and granule.</summary>
    public static Smmu2Tables Of(bool isStage2, Smmu2TableFormat format, int granuleLog2) => (isStage2, granuleLog2) switch
    {
        (false, _) when format == Smmu2TableFormat.ShortDescriptors => new Tables<ArmShortFormat>(),
        (false, 12) => new Tables<ArmLpae<ArmGranule4K, ArmStage1>>(),
        (false, 14) => new Tables<ArmLpae<ArmGranule16K, ArmStage1>>(),
        (false, _) => new Tables<ArmLpae<ArmGranule64K, ArmStage1>>(),
        (true, 12) => new Tables<ArmLpae<ArmGranule4K, ArmStage2>>(),
        (true, 14) => new Tables<ArmLpae<ArmGranule16K, ArmStage2>>(),
        (true, _) => new Tables<ArmLpae<ArmGranule64K, ArmStage2>>(),
    };

    /// <summary>Bytes of a root.</summary>
    public abstract ulong RootBytes(int level, int inputBits);

    /// <summary>Makes a domain with a table.</summary>
    public abstract PagingDomain CreateDomain(
        IommuDriver driver, DomainOptions options, PageAllocator allocator, Smmu2AddressSpace.Hardware hardware, ICpuCache cache);

    private sealed class Tables<TFormat> : Smmu2Tables
        where TFormat : struct, IPageTableFormat
    {
        public override string Format => TFormat.Name;

        public override ulong PageSizes => TFormat.PageSizes;

        public override ulong EntrySizes =>
            Enumerable.Range(0, TFormat.TopLevel + 1).Aggregate(0ul, (sizes, level) => sizes | (1ul << TFormat.EntryShift(level)));

        public override ulong RootBytes(int level, int inputBits) => 1ul << (inputBits - TFormat.EntryShift(level) + TFormat.EntrySizeLog2);

        public override PagingDomain CreateDomain(
            IommuDriver driver, DomainOptions options, PageAllocator allocator, Smmu2AddressSpace.Hardware hardware, ICpuCache cache) =>
            new PagingDomain<TFormat, Smmu2AddressSpace.Hardware, Smmu2Batch>(driver, options, allocator, hardware, cache);
    }
}
