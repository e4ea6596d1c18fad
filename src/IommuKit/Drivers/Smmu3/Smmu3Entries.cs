using IommuKit.Specs.Arm;
using IommuKit.Specs.Smmu3;

namespace IommuKit.Drivers.Smmu3;

/// <summary>Stream table entries and context descriptors as this driver writes them.</summary>
internal static class Smmu3Entries
{
    /// <summary>S1DSS: what comes without a substream passes stage 1 by.</summary>
    public const int PassBy = 1;

    /// <summary>S1DSS: what comes without a substream ends.</summary>
    public const int Terminate = 0;

    /// <summary>S1DSS: what comes without a substream is of substream 0.</summary>
    public const int UseFirst = 2;

    // What is passed through keeps its shareability (SHCFG).
    private const ulong IncomingSharing = 1ul << 44;

    // Fetches and walks: write-back, inner shareable where they snoop; otherwise not cached.
    private const ulong CachedContexts = (1 << 2) | (1 << 4) | (3 << 6);
    private const ulong CachedWalks = 1 | (1 << 2) | (3 << 4);
    private const int FirstWalkShift = 8;
    private const int SecondWalkShift = 40;
    private const int OutputSizeShift = 32;

    private const int ContextFormatShift = 4;
    private const int SubstreamShift = 59;

    private const ulong SecondRangeDisabled = 1ul << 30;
    private const ulong Aarch64Context = 1ul << 41;
    private const ulong StallContext = 1ul << 44;
    private const ulong RecordContext = 1ul << 45;
    private const ulong AbortContext = 1ul << 46;
    private const ulong OwnAsidSet = 1ul << 47;

    private const ulong FullAts = 1ul << 28;
    private const ulong Aarch64Stream = 1ul << 51;
    private const ulong ProtectedWalks = 1ul << 54;
    private const ulong StallStream = 1ul << 57;
    private const ulong RecordStream = 1ul << 58;

    // MAIR as the format's leaves choose from it.
    private const ulong MemoryTypes =
        (0x44ul << (8 * ArmStage1.NonCacheableIndex)) | (0xfful << (8 * ArmStage1.CacheIndex)) | (0x04ul << (8 * ArmStage1.DeviceIndex));

    /// <summary>Everything is aborted, and nothing recorded.</summary>
    public static Smmu3StreamEntry Abort => new(Smmu3StreamEntry.Valid, 0, 0, 0);

    /// <summary>Everything is passed through.</summary>
    public static Smmu3StreamEntry Pass => new(Smmu3StreamEntry.Valid | (Smmu3StreamEntry.Bypass << 1), IncomingSharing, 0, 0);

    /// <summary>Stage 1.</summary>
    /// <param name="unit">The SMMU.</param>
    /// <param name="contexts">The table of context descriptors: S1ContextPtr, S1Fmt and S1CDMax.</param>
    /// <param name="defaultSubstream">S1DSS.</param>
    /// <param name="hasAts">Whether the device may ask for translations.</param>
    public static Smmu3StreamEntry Stage1(Smmu3Unit unit, ulong contexts, int defaultSubstream, bool hasAts = false) => new(
        Smmu3StreamEntry.Valid | (Smmu3StreamEntry.Stage1 << 1) | contexts,
        (uint)defaultSubstream | (hasAts ? FullAts : 0) | (unit.IsCoherent ? CachedContexts : 0) | (defaultSubstream == PassBy ? IncomingSharing : 0),
        0,
        0);

    /// <summary>Stage 2.</summary>
    public static Smmu3StreamEntry Stage2(Smmu3Unit unit, in Smmu3TableShape shape, ushort vmid, bool hasAts = false) => new(
        Smmu3StreamEntry.Valid | (Smmu3StreamEntry.Stage2 << 1),
        IncomingSharing | (hasAts ? FullAts : 0),
        vmid
            | ((ulong)(uint)(64 - shape.InputBits) << 32)
            | ((ulong)(uint)(shape.GranuleLog2 == 12 ? shape.RootLevel - 1 : shape.RootLevel) << 38)
            | (unit.IsCoherent ? CachedWalks << SecondWalkShift : 0)
            | (GranuleOf(shape.GranuleLog2) << 46)
            | (SizeOf(shape.OutputBits) << 48)
            | Aarch64Stream
            | ProtectedWalks
            | RecordStream
            | (unit.StallModel == 2 ? StallStream : 0),
        shape.Root);

    /// <summary>A guest's stage 1 on top of stage 2.</summary>
    /// <param name="unit">The SMMU.</param>
    /// <param name="contexts">The guest's context descriptors.</param>
    /// <param name="shape">The table of stage 2.</param>
    /// <param name="vmid">Its VMID.</param>
    public static Smmu3StreamEntry Nested(Smmu3Unit unit, in Smmu3GuestContexts contexts, in Smmu3TableShape shape, ushort vmid)
    {
        var second = Stage2(unit, shape, vmid);
        ulong table = contexts.Table | ((ulong)(uint)contexts.Format << ContextFormatShift) | ((ulong)(uint)contexts.SubstreamBits << SubstreamShift);
        return second with
        {
            W0 = Smmu3StreamEntry.Valid | (Smmu3StreamEntry.Nested << 1) | table,
            W1 = second.W1 | (contexts.SubstreamBits == 0 ? 0 : (uint)contexts.DefaultSubstream) | (unit.IsCoherent ? CachedContexts : 0),
        };
    }

    /// <summary>A context descriptor for one range of addresses, from 0 on.</summary>
    public static Smmu3ContextDescriptor Context(Smmu3Unit unit, in Smmu3TableShape shape, ushort asid) => new(
        (uint)(64 - shape.InputBits)
            | (GranuleOf(shape.GranuleLog2) << 6)
            | (unit.IsCoherent ? CachedWalks << FirstWalkShift : 0)
            | SecondRangeDisabled
            | Smmu3ContextDescriptor.Valid
            | (SizeOf(shape.OutputBits) << OutputSizeShift)
            | Aarch64Context
            | (unit.StallModel == 2 ? StallContext : 0)
            | RecordContext
            | AbortContext
            | OwnAsidSet
            | ((ulong)asid << 48),
        shape.Root,
        0,
        MemoryTypes);

    private static ulong GranuleOf(int log2) => log2 switch
    {
        12 => 0,
        14 => 2,
        _ => 1,
    };

    private static ulong SizeOf(int bits) => bits switch
    {
        32 => 0,
        36 => 1,
        40 => 2,
        42 => 3,
        44 => 4,
        48 => 5,
        _ => 6,
    };
}
