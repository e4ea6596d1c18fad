using IommuKit.Checker.Rigs;
using IommuKit.Checker.Scenarios;
using IommuKit.Lab.Machines;
using IommuKit.Specs.Tegra;

namespace IommuKit.Checker.Iommus.Tegra;

/// <summary>
/// Between the selection of an address space and the write that takes its root away another CPU selects its own: what happens where a detach is
/// without a lock for the whole SMMU.
/// </summary>
internal sealed class TornRoot(CheckRig machine, ScenarioRun run) : Sabotage(machine, run)
{
    public override bool Intercept(in MaintenanceStep access)
    {
        if (access is { Kind: MaintenanceKind.RegisterWrite, Address: TegraMc.PtbData }
            && Run is { IsBusy: true, Current.Kind: CheckOperationKind.Detach })
        {
            // Devices are attached in order, and so are the address spaces that their domains get.
            Machine.Issue(access with { Address = TegraMc.PtbAsid, Value = 1 - (ulong)Run.Current.Domain });
        }

        return false;
    }
}
