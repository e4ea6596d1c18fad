using IommuKit.Checker;
using IommuKit.Checker.Planted;
using IommuKit.Checker.Rigs;
using IommuKit.Checker.Scenarios;
using IommuKit.Checker.Shadow;
using IommuKit.Lab.Formats;
using IommuKit.Lab.Machines;

namespace MyIommu;

/// <summary>What <c>iommukit … --load MyIommu.dll</c> finds.</summary>
public sealed class MyExtension : IIommuKitExtension
{
    private static readonly IommuKind Good = new(
        "my-iommu", "a toy: registers, a TLB, posted writes", settings => MyMachine.Create("my-iommu", settings, hasBug: false))
    {
        Tuning = [MyMachine.MostPages],
    };

    private static readonly IommuKind Buggy = new(
        "my-iommu-buggy",
        "the same with a driver that leaves the last page of a range in the TLB",
        settings => MyMachine.Create("my-iommu-buggy", settings, hasBug: true));

    public IEnumerable<IommuKind> Kinds => [Good, Buggy];

    public IEnumerable<FormatKind> Formats =>
        [FormatKind.Of<MyFormat>(inputBits: 32, outputBits: 32, "the toy's: two levels of 32-bit entries", (leaf, _) => MyFormat.Describe(leaf))];

    public IEnumerable<CheckTarget> Targets => [Target(Good) with { IsDefault = true, IsDefaultAtEnds = true }, Target(Buggy)];

    /// <summary>What the hardware may do, which is not what its driver believes that it does.</summary>
    private static CheckTarget Target(IommuKind kind) => CheckTarget.Of<MyFormat>(
        "register-level model; the walker does not snoop, and writes are posted",
        new MachinePlan(
            kind,
            new ShadowTraits
            {
                HasCoherentWalk = false,
                CachesInvalidEntries = false,
                HasPostedCommands = true,
                DropSizes = [4096, 1ul << 32],
            },
            (_, _) => new MyDecoder()),
        inputBits: 32) with
    {
        Bugs = [UnselectedSpace],
    };

    /// <summary>A bug that only this hardware can have: it is put between driver and hardware, to see whether the checker finds it.</summary>
    private static PlantedBug UnselectedSpace { get; } = PlantedBugs.LeftOut(
        "unselected-space",
        "an unmap does not select its address space, and invalidates in that of somebody else",
        "W4",
        PlantedBugs.IsAtOnce,
        CheckOperationKind.Unmap,
        (access, _) => access is { Kind: MaintenanceKind.RegisterWrite, Address: MyRegisters.Space })
        with
    {
        Expected = [Verdict.WrongTarget],
    };
}
