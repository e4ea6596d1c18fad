using IommuKit.Specs.PageTables;

using Arm = IommuKit.Specs.Arm.ArmLpae<IommuKit.Specs.Arm.ArmGranule4K, IommuKit.Specs.Arm.ArmStage1>;

namespace IommuKit.Tests.Concurrency;

/// <summary>Arm's tables with a planted bug: a pointer claims to be visible to the walker from the moment it is stored.</summary>
public readonly struct HastyFormat : IPageTableFormat
{
    public static string Name => "hasty";

    public static int EntrySizeLog2 => Arm.EntrySizeLog2;

    public static int TopLevel => Arm.TopLevel;

    public static ulong PageSizes => Arm.PageSizes;

    public static int MaxOutputBits => Arm.MaxOutputBits;

    public static ulong SoftwareBit => Arm.SoftwareBit;

    public static bool HasGroups => Arm.HasGroups;

    public static int IndexBits(int level) => Arm.IndexBits(level);

    public static int EntryShift(int level) => Arm.EntryShift(level);

    public static bool TryGetRoot(int inputBits, out int level, out int indexBits) => Arm.TryGetRoot(inputBits, out level, out indexBits);

    public static bool IsTable(ulong entry, int level) => Arm.IsTable(entry, level);

    public static ulong TableEntry(ulong tableAddress, int level) => Arm.TableEntry(tableAddress, level) | SoftwareBit;

    public static ulong TableAddress(ulong entry) => Arm.TableAddress(entry);

    public static ulong LeafAttributes(Protection protection) => Arm.LeafAttributes(protection);

    public static ulong LeafEntry(ulong physicalAddress, ulong attributes, int level, int sizeLog2) =>
        Arm.LeafEntry(physicalAddress, attributes, level, sizeLog2);

    public static ulong LeafStep(int level) => Arm.LeafStep(level);

    public static ulong LeafAddress(ulong entry, int level) => Arm.LeafAddress(entry, level);

    public static int LeafSizeLog2(ulong entry, int level) => Arm.LeafSizeLog2(entry, level);

    public static Protection LeafProtection(ulong entry, int level) => Arm.LeafProtection(entry, level);

    public static WalkEntry Decode(ulong entry, int level, int outputBits) => Arm.Decode(entry, level, outputBits);
}
