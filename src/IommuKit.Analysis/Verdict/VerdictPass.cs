using System.Globalization;
using IommuKit.Traces;
using IommuKit.Traces.Audit;
using IommuKit.Traces.Faults;

namespace IommuKit.Analysis.Verdict;

/// <summary>Follows a trace event by event for all that a verdict needs. What it needs is bounded, whatever the trace holds.</summary>
internal sealed class VerdictPass(string path, KernelLog? log)
{
    private readonly TraceAudit _audit = new(path, log);
    private readonly TraceMachine _machine = new();
    private readonly FlushTimes _queueTimes = new();
    private readonly FlushTimes _tagTimes = new();
    private readonly BurstFlushes _bursts = new();
    private readonly LazyFlushes _lazy = new();
    private readonly RefusedCommands _refused = new();
    private long _queueFlushes;
    private long _queuePages;
    private long _tagFlushes;
    private long _tagPages;
    private long _first = -1;
    private long _last = -1;
    private bool _lacksContext;

    /// <summary>Follows an event.</summary>
    public void Do(in TraceEvent traceEvent, TraceReader reader)
    {
        _audit.Do(traceEvent, reader);
        _machine.See(traceEvent, reader);
        switch (traceEvent.Kind)
        {
            case TraceEventKind.Map when traceEvent.Size != 0:
                _bursts.End();
                break;
            case TraceEventKind.Unmap when traceEvent.Size != 0:
                _bursts.Unmapped(traceEvent.Iova, traceEvent.LastIova, traceEvent.Nanoseconds, reader.Cpu);
                _lazy.Unmapped(reader.Cpu, traceEvent.Nanoseconds, traceEvent.Size);
                if (traceEvent.Nanoseconds >= 0)
                {
                    _queueTimes.Series.Unmapped(traceEvent.Nanoseconds);
                    _tagTimes.Series.Unmapped(traceEvent.Nanoseconds);
                }

                break;
            case TraceEventKind.Lost or TraceEventKind.Damaged:
                _bursts.Finish();
                _queueTimes.Break();
                _tagTimes.Break();
                _queueTimes.Series.Lost();
                _tagTimes.Series.Lost();
                break;
            default:
                break;
        }

        if (traceEvent.Nanoseconds >= 0)
        {
            At(traceEvent, reader);
        }
        else if (Invalidation.TryGet(traceEvent, out var invalidation))
        {
            Count(invalidation);
        }

        if (traceEvent.Kind == TraceEventKind.QueueSubmit)
        {
            _refused.Note(traceEvent);
        }
    }

    /// <summary>Ends the trace.</summary>
    public VerdictResult Finish(TraceReader reader)
    {
        _bursts.Finish();
        _lazy.Finish();
        _machine.Take(reader);
        var audit = _audit.Finish(reader);
        bool hasQueue = _queueFlushes != 0;
        long flushes = hasQueue ? _queueFlushes : _tagFlushes;
        var times = hasQueue ? _queueTimes : _tagTimes;
        var known = times.Count != 0 && !_lacksContext ? times : null;
        var options = new OptionMaker(audit, flushes, known is { IsVague: false } ? known : null, _bursts, _lazy, audit.HasTimes).Make();
        var (coverage, leftOut) = CoverageOf(audit);

        IReadOnlyList<string> devices = _machine.Devices is { Count: not 0 } attached
            ? attached
            : [.. reader.Host?.Devices.Where(device => device.IsTranslated).Select(device => device.Name) ?? []];

        // What another run says of its machine is not of this one.
        bool isOfOthers = IsOfOthers(audit.Faults, devices);
        bool isOther = audit.Faults.LeftOut != 0 || audit.Faults.IsLogOfOtherKernel || isOfOthers;
        var logged = isOther ? null : log?.Machine;
        return new VerdictResult
        {
            Audit = audit,
            Kernel = _machine.Kernel ?? logged?.Kernel,
            Machine = _machine.Hardware ?? logged?.Hardware,
            Date = _machine.Date ?? logged?.Date,
            Iommu = _machine.Iommu ?? logged?.Iommu,
            ByLog = logged is null || audit.Faults.InBoth != 0 ? [] : ByLog(logged, reader.Host?.Mode),
            RecordedMode = reader.Host?.Mode ?? _machine.Mode ?? logged?.Mode,
            Devices = devices,
            IsLogOfOtherDevices = isOfOthers,
            IsVirtual = _machine.IsVirtual || logged is { IsVirtual: true } || audit.CachingMode == CachingMode.On,
            Span = _first < 0 ? null : _last - _first,
            Processors = Math.Max(reader.Processors, _machine.CpusSeen),
            Coverage = coverage,
            LeftOut = leftOut,
            Flushes = flushes,
            PageFlushes = hasQueue ? _queuePages : _tagPages,
            Gaps = known,
            Series = times.Series,
            Refused = _refused,
            Options = options,
        };
    }

    /// <summary>What the log says of the machine and the trace does not.</summary>
    private List<MachineFact> ByLog(TraceMachine logged, string? hostMode)
    {
        var facts = new List<MachineFact>();
        void Add(bool isByLog, MachineFact fact)
        {
            if (isByLog)
            {
                facts.Add(fact);
            }
        }

        Add(_machine.Iommu is null && logged.Iommu is not null, MachineFact.Iommu);
        Add(hostMode is null && _machine.Mode is null && logged.Mode is not null, MachineFact.Mode);
        Add(_machine.Kernel is null && logged.Kernel is not null, MachineFact.Kernel);
        Add(_machine.Hardware is null && logged.Hardware is not null, MachineFact.Machine);
        Add(_machine.Date is null && logged.Date is not null, MachineFact.Date);
        Add(!_machine.IsVirtual && logged.IsVirtual, MachineFact.Virtual);
        return facts;
    }

    /// <summary>Whether the trace names devices, and a log that nothing ties to it has faults of none of them.</summary>
    private static bool IsOfOthers(FaultReport faults, IReadOnlyList<string> devices)
    {
        string[] faulted = [.. faults.Faults.Where(fault => fault.LogLine is not null).Select(fault => fault.Fault.Device).OfType<string>()];
        return faults is { HasTrace: true, InBoth: 0 }
            && devices.Count != 0
            && faulted.Length != 0
            && !Array.Exists(faulted, name => devices.Any(device => device.EndsWith(name, StringComparison.OrdinalIgnoreCase)));
    }

    private void At(in TraceEvent traceEvent, TraceReader reader)
    {
        long now = traceEvent.Nanoseconds;
        _first = _first < 0 ? now : Math.Min(_first, now);
        _last = Math.Max(_last, now);
        int cpu = reader.Cpu;
        long task = reader.TaskNumber;
        _machine.SeeCpu(cpu);
        bool isFlush = Invalidation.TryGet(traceEvent, out var invalidation);
        if (isFlush)
        {
            Count(invalidation);
            _lacksContext |= cpu < 0 || task < 0;

            // Where both were recorded, a flush of a cache tag comes just before its command.
            if (!invalidation.IsCacheTag || _queueFlushes == 0)
            {
                _bursts.Flushed(invalidation, cpu, now);
            }
        }

        _queueTimes.Note(cpu, task, now, isFlush && !invalidation.IsCacheTag, _bursts);
        _tagTimes.Note(cpu, task, now, isFlush && invalidation.IsCacheTag);
    }

    private void Count(in Invalidation invalidation)
    {
        bool isPages = invalidation.Scope == InvalidationScope.Pages;
        if (invalidation.IsCacheTag)
        {
            _tagFlushes++;
            _tagPages += isPages ? 1 : 0;
        }
        else
        {
            _queueFlushes++;
            _queuePages += isPages ? 1 : 0;
        }
    }

    private static (double Share, IReadOnlyList<string> LeftOut) CoverageOf(AuditResult audit)
    {
        var leftOut = new List<string>();
        void Leave(long count, string one, string many)
        {
            if (count != 0)
            {
                leftOut.Add(string.Create(CultureInfo.InvariantCulture, $"{count:#,0} {(count == 1 ? one : many)}"));
            }
        }

        Leave(audit.Lost, "event lost by the kernel", "events lost by the kernel");
        Leave(audit.Damaged, "damaged line", "damaged lines");
        Leave(audit.UnknownLines, "line that is no event", "lines that are no events");
        Leave(audit.Missing, "event that the file promises and does not have", "events that the file promises and does not have");
        if (audit.Coverage is not { } coverage)
        {
            return (audit.ReadShare, leftOut);
        }

        Leave(coverage.NotFollowed, "unmap that could not be followed", "unmaps that could not be followed");
        Leave(
            coverage.Unclear,
            "unmap flushed for one of several domains, perhaps another's",
            "unmaps flushed for one of several domains, perhaps another's");
        Leave(coverage.AtContextChange, "unmap flushed only when a device came or went", "unmaps flushed only when a device came or went");
        long followed = audit.Unmaps - coverage.NotFollowed - coverage.Unclear - coverage.AtContextChange;
        return (audit.ReadShare * followed / Math.Max(1, audit.Unmaps), leftOut);
    }
}
