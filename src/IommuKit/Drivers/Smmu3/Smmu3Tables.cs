using IommuKit.Domains;
using IommuKit.PageTables;
using IommuKit.Specs.Arm;
using IommuKit.Specs.Memory;
using IommuKit.Specs.PageTables;

namespace IommuKit.Drivers.Smmu3;

/// <summary>The page tables of one stage and granule.</summary>
internal abstract class Smmu3Tables
{
    /// <summary>Name of the format.</summary>
    public abstract string Format { get; }

    /// <summary>The sizes of pages and blocks.</summary>
    public abstract ulong PageSizes { get; }

    /// <summary>The tables of a stage and granule.</summary>
    public static Smmu3Tables Of(bool isStage2, int granuleLog2) => (isStage2, granuleLog2) switch
    {
        (false, 12) => new Tables<ArmLpae<ArmGranule4K, ArmStage1>>(),
        (false, 14) => new Tables<ArmLpae<ArmGranule16K, ArmStage1>>(),
        (false, _) => new Tables<ArmLpae<ArmGranule64K, ArmStage1>>(),
        (true, 12) => new Tables<ArmLpae<ArmGranule4K, ArmStage2>>(),
        (true, 14) => new Tables<ArmLpae<ArmGranule16K, ArmStage2>>(),
        (true, _) => new Tables<ArmLpae<ArmGranule64K, ArmStage2>>(),
    };

    /// <summary>Makes a domain with a table.</summary>
    public abstract PagingDomain CreateDomain(
        IommuDriver driver, DomainOptions options, PageAllocator allocator, Smmu3AddressSpace.Hardware hardware, ICpuCache cache);

    private sealed class Tables<TFormat> : Smmu3Tables
        where TFormat : struct, IPageTableFormat
    {
        public override string Format => TFormat.Name;

        public override ulong PageSizes => TFormat.PageSizes;

        public override PagingDomain CreateDomain(
            IommuDriver driver, DomainOptions options, PageAllocator allocator, Smmu3AddressSpace.Hardware hardware, ICpuCache cache) =>
            new PagingDomain<TFormat, Smmu3AddressSpace.Hardware, Smmu3Batch>(driver, options, allocator, hardware, cache);
    }
}
