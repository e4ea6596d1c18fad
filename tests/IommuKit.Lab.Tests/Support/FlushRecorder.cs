using IommuKit.Lab.Iommus.Tegra;
using IommuKit.Lab.Machines;
using IommuKit.Specs.Tegra;

namespace IommuKit.Lab.Tests.Support;

/// <summary>Decodes the flushes that a driver sends, as the hardware would.</summary>
internal sealed class FlushRecorder
{
    private ulong _high;

    private FlushRecorder(TegraMachine machine) => Machine = machine;

    public TegraMachine Machine { get; }

    /// <summary>Physical addresses of the page-table cache lines flushed, in order.</summary>
    public List<ulong> PtcLines { get; } = [];

    /// <summary>TLB flushes by address, in order.</summary>
    public List<TegraTlbFlush> TlbFlushes { get; } = [];

    /// <summary>What happened, one letter each: C clean, B barrier, P table cache, T TLB, R read-back.</summary>
    public string Order { get; private set; } = string.Empty;

    public static FlushRecorder Attach(TegraMachine machine)
    {
        var recorder = new FlushRecorder(machine);
        machine.Filter = step =>
        {
            recorder.Note(step);
            return false;
        };
        return recorder;
    }

    public void Clear()
    {
        PtcLines.Clear();
        TlbFlushes.Clear();
        Order = string.Empty;
    }

    /// <summary>First addresses of the groups of a size that the TLB flushes remove.</summary>
    public SortedSet<ulong> Groups(int groupBytes)
    {
        var groups = new SortedSet<ulong>();
        foreach (var flush in TlbFlushes)
        {
            ulong size = flush.Match == TegraTlbFlushMatch.Section ? 4u << 20 : (uint)groupBytes;
            ulong start = flush.Address & ~(size - 1);
            for (ulong group = start; group < start + size; group += (uint)groupBytes)
            {
                groups.Add(group);
            }
        }

        return groups;
    }

    private void Note(in MaintenanceStep step)
    {
        switch (step.Kind, (uint)step.Address)
        {
            case (MaintenanceKind.Clean, _):
                Order += "C";
                break;
            case (MaintenanceKind.Barrier, _):
                Order += "B";
                break;
            case (MaintenanceKind.RegisterRead, TegraMc.PtbAsid):
                Order += "R";
                break;
            case (MaintenanceKind.RegisterWrite, TegraMc.PtcFlushHigh):
                _high = step.Value;
                break;
            case (MaintenanceKind.RegisterWrite, TegraMc.PtcFlush):
                Order += "P";
                var line = new TegraPtcFlush((uint)step.Value);
                if (line.IsLine)
                {
                    PtcLines.Add(line.AddressLow | (_high << 32));
                }

                break;
            case (MaintenanceKind.RegisterWrite, TegraMc.TlbFlush):
                Order += "T";
                TlbFlushes.Add(new TegraTlbFlush((uint)step.Value));
                break;
        }
    }
}
