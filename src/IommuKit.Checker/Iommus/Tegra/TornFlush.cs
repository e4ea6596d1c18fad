using IommuKit.Checker.Rigs;
using IommuKit.Checker.Scenarios;
using IommuKit.Lab.Machines;
using IommuKit.Specs.Tegra;

namespace IommuKit.Checker.Iommus.Tegra;

/// <summary>
/// Between the two words of a flush another CPU writes the first word of its own, for a table below 4 GiB: what
/// happens without a lock for the whole SMMU.
/// </summary>
internal sealed class TornFlush(CheckRig machine, ScenarioRun run) : Sabotage(machine, run)
{
    public override bool Intercept(in MaintenanceStep access)
    {
        if (access is { Kind: MaintenanceKind.RegisterWrite, Address: TegraMc.PtcFlush } && IsWorking)
        {
            Machine.Issue(access with { Address = TegraMc.PtcFlushHigh, Value = 0 });
        }

        return false;
    }
}
