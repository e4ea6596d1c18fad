using IommuKit.Checker.Rigs;
using IommuKit.Checker.Scenarios;
using IommuKit.Checker.Shadow;
using IommuKit.Drivers.Tegra;
using IommuKit.Lab.Iommus.Tegra;
using IommuKit.Lab.Machines;
using IommuKit.Specs.Tegra;

namespace IommuKit.Checker.Iommus.Tegra;

/// <summary>The Tegras as the checker knows them.</summary>
internal static class TegraTargets
{
    // Where the upper halves of addresses can differ: the roots of two domains are below 4 GiB, and all other tables above.
    private const ulong HighPool = (1ul << 32) - (2 << TegraEntry.PageShift);
    private const ulong Pool = 0x8000_0000;
    private const ulong PageBytes = 1ul << TegraEntry.PageShift;
    private const ulong SectionBytes = 1ul << TegraEntry.SectionShift;

    // Swgroups with a client on every SoC.
    private static readonly string[] DeviceNames = ["hc", "avpc"];

    /// <summary>All of them, and one whose driver is tuned.</summary>
    public static IEnumerable<CheckTarget> All =>
    [
        .. TegraKinds.All.Zip(TegraSoc.All, Of),
        Of(TegraKinds.All.Single(kind => kind.Name == TegraSoc.Tegra124.Name), TegraSoc.Tegra124).Tuned(PageBytes, SectionBytes) with
        {
            // A page needs one group, ranges across a boundary two, longer ones more.
            Tuning = TuningValues.None.With(TegraTuning.SectionThreshold, 3).With(TegraTuning.AsidThreshold, 2),
        },
    ];

    private static CheckTarget Of(IommuKind kind, TegraSoc soc) => CheckTarget.Of<TegraFormat>(
        "register-level model; the walker does not snoop, and everything caches what is not present",
        new MachinePlan(
            kind,
            new ShadowTraits
            {
                HasCoherentWalk = false,
                CachesInvalidEntries = true,
                TableCacheLine = soc.AtomBytes,
                DropSizes = [(ulong)soc.TlbGroupBytes, SectionBytes, 1ul << 32],
                HasPostedCommands = true,
                StartsUnknown = true,
            },
            (_, devices) => new TegraDecoder(
                soc, soc.TlbGroupBytes, [.. devices.Select(device => ((TegraSwgroupDevice)device).Swgroup)]))
        {
            PoolStart = soc.HasPtcFlushHigh ? HighPool : Pool,
            Settle = TegraLeftovers.Fill,
            Devices = machine => DeviceNames.Select(machine.Driver.GetDevice),
        },
        inputBits: 32) with
    {
        IsDefault = true,
        IsDefaultAtEnds = true,
        Bugs = TegraBugs.Of(soc),
        WritesPerTableCacheLine = soc.HasPtcFlushHigh ? 2 : 1,
        PoolBytesAtEnds = 64 << 10,
    };
}
