using IommuKit.Drivers.Vtd;
using IommuKit.Lab.Machines;
using IommuKit.Specs.Vtd;
using IommuKit.Traces;

namespace IommuKit.Lab.Iommus.Vtd;

/// <summary>Machines with VT-d.</summary>
public static class VtdKinds
{
    /// <summary>All of them.</summary>
    public static IReadOnlyList<IommuKind> All { get; } =
    [
        Of("vtd-server", VtdUnit.Server48, "Intel VT-d of servers: 48 bits, legacy mode, snoops the CPU's caches"),
        Of("vtd-client", VtdUnit.Client39, "Intel VT-d of clients: 39 bits, legacy mode, snoops the CPU's caches"),
        Of("vtd-client-nc", VtdUnit.ClientNonCoherent, "the same without snooping, and with a write buffer to flush"),
        Of("vtd-server-57", VtdUnit.Server57, "Intel VT-d of servers of today: five levels, used in legacy mode"),
        Of("vtd-server-fs", VtdUnit.Server57, "the same in scalable mode, on the first stage: tables of x86-64, five levels", VtdMode.FirstStage),
        Of("vtd-server-ats", VtdUnit.Server48, "vtd-server with devices that keep translations of their own (ATS)", hasDeviceTlbs: true),
        Of("vtd-guest", VtdUnit.EmulatedCachingMode, "Intel VT-d as QEMU shows it to guests in caching mode: 39 bits"),
        Of("vtd-guest-fs", VtdUnit.EmulatedFirstStageCachingMode, "the same in scalable mode, on the first stage of four levels", VtdMode.FirstStage),
    ];

    private static IommuKind Of(
        string name, VtdUnit unit, string description, VtdMode mode = VtdMode.Legacy, bool hasDeviceTlbs = false) =>
        new(name, description, settings => VtdMachine.Create(unit with { Name = name }, settings, mode: mode, hasDeviceTlbs: hasDeviceTlbs))
        {
            Tuning = VtdTuning.All,
            Costs = "vtd-public",
            RecordedOn = "VT-d",
            RecordedTraits =
            [
                .. unit.Capability.CachingMode ? [RecordedTraits.CachingMode] : Array.Empty<string>(),
                .. mode == VtdMode.FirstStage ? [RecordedTraits.FirstStage] : Array.Empty<string>(),
                .. hasDeviceTlbs ? [RecordedTraits.DeviceTlbs] : Array.Empty<string>(),
            ],
            HasQueue = true,
        };
}
