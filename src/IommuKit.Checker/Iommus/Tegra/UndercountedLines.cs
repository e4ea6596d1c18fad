using IommuKit.Checker.Rigs;
using IommuKit.Checker.Scenarios;
using IommuKit.Lab.Machines;
using IommuKit.Specs.Tegra;

namespace IommuKit.Checker.Iommus.Tegra;

/// <summary>
/// Lines are counted by the length alone, as in NVIDIA's kernel 5.10: a run that does not start at a line's start lacks its last line.
/// </summary>
internal sealed class UndercountedLines(CheckRig machine, ScenarioRun run, int lineBytes) : Sabotage(machine, run)
{
    private readonly List<MaintenanceStep> _held = [];
    private ulong _lastLine;
    private int _run;

    public override bool Intercept(in MaintenanceStep access)
    {
        if (!IsWorking || access.Kind != MaintenanceKind.RegisterWrite)
        {
            EndRun();
            return false;
        }

        if (access.Address == TegraMc.PtcFlushHigh)
        {
            // The half that belongs to the next line; what is held is of the line before.
            _held.Add(access);
            return true;
        }

        if (access.Address != TegraMc.PtcFlush)
        {
            EndRun();
            return false;
        }

        if (access.Value - _lastLine == (ulong)lineBytes)
        {
            // There is a line behind the held one, so that one was not the last.
            int own = _held.FindIndex(step => step.Address == TegraMc.PtcFlush) + 1;
            for (int i = 0; i < own; i++)
            {
                Machine.Issue(_held[i]);
            }

            _held.RemoveRange(0, own);
            _run++;
        }
        else
        {
            var high = _held.Count != 0 && _held[^1].Address == TegraMc.PtcFlushHigh ? _held[^1] : default(MaintenanceStep?);
            if (high is not null)
            {
                _held.RemoveAt(_held.Count - 1);
            }

            EndRun();
            if (high is { } half)
            {
                _held.Add(half);
            }
        }

        _lastLine = access.Value;
        _held.Add(access);
        return true;
    }

    private void EndRun()
    {
        foreach (var step in _held)
        {
            if (_run == 0)
            {
                Machine.Issue(step);
            }
        }

        _held.Clear();
        _run = 0;
        _lastLine = 0;
    }
}
