using IommuKit.Specs.Amd;
using IommuKit.Specs.Arm;
using IommuKit.Specs.RiscV;
using IommuKit.Specs.Vtd;
using IommuKit.Specs.X86;

namespace IommuKit.Lab.Formats;

/// <summary>What the bits of leaves are called, format by format.</summary>
internal static class EntryFlags
{
    private static readonly EntryFlag[] ArmStage1Flags =
    [
        new(ArmLpaeDescriptor.AttributeIndexMask, Index(ArmStage1.NonCacheableIndex), "AttrIndx=0"),
        new(ArmLpaeDescriptor.AttributeIndexMask, Index(ArmStage1.CacheIndex), "AttrIndx=1"),
        new(ArmLpaeDescriptor.AttributeIndexMask, Index(ArmStage1.DeviceIndex), "AttrIndx=2"),
        new(ArmLpaeDescriptor.NonSecure, "NS"),
        new(ArmLpaeDescriptor.Unprivileged, "AP[1]"),
        new(ArmLpaeDescriptor.ReadOnly, "AP[2]"),
        new(ArmLpaeDescriptor.InnerShareable, ArmLpaeDescriptor.OuterShareable, "SH=outer"),
        new(ArmLpaeDescriptor.InnerShareable, ArmLpaeDescriptor.InnerShareable, "SH=inner"),
        new(ArmLpaeDescriptor.AccessFlag, "AF"),
        new(ArmLpaeDescriptor.NotGlobal, "nG"),
        new(ArmLpaeDescriptor.DirtyBitModifier, "DBM"),
        new(ArmLpaeDescriptor.Contiguous, "CONTIG"),
        new(ArmLpaeDescriptor.PrivilegedNoExecute, "PXN"),
        new(ArmLpaeDescriptor.NoExecute, "UXN"),
    ];

    private static readonly EntryFlag[] ArmStage2Flags =
    [
        new(ArmLpaeDescriptor.MemoryTypeMask, Type(ArmStage2.WriteBack), "MemAttr=WB"),
        new(ArmLpaeDescriptor.MemoryTypeMask, Type(ArmStage2.NonCacheable), "MemAttr=NC"),
        new(ArmLpaeDescriptor.MemoryTypeMask, Type(ArmStage2.Device), "MemAttr=device"),
        new(ArmLpaeDescriptor.Stage2Readable, "S2AP[0]"),
        new(ArmLpaeDescriptor.Stage2Writable, "S2AP[1]"),
        new(ArmLpaeDescriptor.InnerShareable, ArmLpaeDescriptor.OuterShareable, "SH=outer"),
        new(ArmLpaeDescriptor.InnerShareable, ArmLpaeDescriptor.InnerShareable, "SH=inner"),
        new(ArmLpaeDescriptor.AccessFlag, "AF"),
        new(ArmLpaeDescriptor.DirtyBitModifier, "DBM"),
        new(ArmLpaeDescriptor.Contiguous, "CONTIG"),
        new(ArmLpaeDescriptor.Stage2NoExecute, "XN"),
    ];

    private static readonly EntryFlag[] ArmShortFlags =
    [
        new(ArmShortDescriptor.TypeExtensionMask, ArmShortDescriptor.NormalMemory, "TEX=1"),
        new(ArmShortDescriptor.Cacheable, "C"),
        new(ArmShortDescriptor.Bufferable, "B"),
        new(ArmShortDescriptor.AccessFlag, "AF"),
        new(ArmShortDescriptor.Unprivileged, "AP[1]"),
        new(ArmShortDescriptor.ReadOnly, "AP[2]"),
        new(ArmShortDescriptor.Shareable, "S"),
        new(ArmShortDescriptor.NotGlobal, "nG"),
        new(ArmShortDescriptor.NoExecute, "XN"),
    ];

    private static readonly EntryFlag[] RiscVFlags =
    [
        new(RiscVEntry.Readable, "R"),
        new(RiscVEntry.Writable, "W"),
        new(RiscVEntry.Executable, "X"),
        new(RiscVEntry.User, "U"),
        new(RiscVEntry.Global, "G"),
        new(RiscVEntry.Accessed, "A"),
        new(RiscVEntry.Dirty, "D"),
        new(RiscVEntry.MemoryTypeMask, RiscVEntry.MemoryTypeIo, "PBMT=IO"),
        new(RiscVEntry.Napot, "N"),
    ];

    private static readonly EntryFlag[] VtdFlags =
    [
        new(VtdSecondStageEntry.Readable, "R"),
        new(VtdSecondStageEntry.Writable, "W"),
        new(VtdSecondStageEntry.Executable, "X"),
        new(VtdSecondStageEntry.Accessed, "A"),
        new(VtdSecondStageEntry.Dirty, "D"),
        new(VtdSecondStageEntry.Snoop, "SNP"),
    ];

    private static readonly EntryFlag[] X86Flags =
    [
        new(X86Entry.Writable, "R/W"),
        new(X86Entry.User, "U/S"),
        new(X86Entry.WriteThrough, "PWT"),
        new(X86Entry.CacheDisable, "PCD"),
        new(X86Entry.Accessed, "A"),
        new(X86Entry.Dirty, "D"),
        new(X86Entry.Global, "G"),
        new(X86Entry.NoExecute, "XD"),
    ];

    private static readonly EntryFlag[] AmdFlags =
    [
        new(AmdV1Entry.Readable, "IR"),
        new(AmdV1Entry.Writable, "IW"),
        new(AmdV1Entry.ForceCoherent, "FC"),
        new(AmdV1Entry.Accessed, "A"),
        new(AmdV1Entry.Dirty, "D"),
        new(AmdV1Entry.SizeInAddress << AmdV1Entry.NextLevelShift, "NextLevel=7"),
    ];

    public static string ArmStage1Leaf(ulong entry, int level) => EntryFlag.Describe(entry, ArmStage1Flags);

    public static string ArmStage2Leaf(ulong entry, int level) => EntryFlag.Describe(entry, ArmStage2Flags);

    // The same fields lie elsewhere in each kind of leaf.
    public static string ArmShortLeaf(ulong entry, int level)
    {
        uint small = level != 0 ? ArmShortDescriptor.FromSection((uint)entry)
            : (entry & ArmShortDescriptor.SmallPage) != 0 ? (uint)entry
            : ArmShortDescriptor.FromLargePage((uint)entry);
        return EntryFlag.Describe(small, ArmShortFlags);
    }

    public static string RiscVLeaf(ulong entry, int level) => EntryFlag.Describe(entry, RiscVFlags);

    public static string VtdLeaf(ulong entry, int level) => EntryFlag.Describe(entry, VtdFlags);

    public static string X86Leaf(ulong entry, int level) => EntryFlag.Describe(entry, X86Flags);

    public static string AmdLeaf(ulong entry, int level) => EntryFlag.Describe(entry, AmdFlags);

    private static ulong Index(int index) => (ulong)(uint)index << ArmLpaeDescriptor.AttributeIndexShift;

    private static ulong Type(int type) => (ulong)(uint)type << ArmLpaeDescriptor.MemoryTypeShift;
}
