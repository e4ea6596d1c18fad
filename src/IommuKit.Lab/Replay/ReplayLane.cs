using System.Numerics;
using System.Runtime.CompilerServices;
using IommuKit.Domains;
using IommuKit.Lab.Costs;
using IommuKit.Lab.Machines;
using IommuKit.Lab.Replay.Devices;
using IommuKit.Specs.PageTables;
using IommuKit.Traces;

namespace IommuKit.Lab.Replay;

/// <summary>One machine with one domain under one policy, to which the events of a trace are done.</summary>
public sealed class ReplayLane : IDisposable
{
    private readonly Machine _machine;
    private readonly IommuDomain _domain;
    private readonly CostVector _costs;
    private readonly CostWeights _weights;
    private readonly OperationCounts _before;
    private readonly LatencyHistogram _mapLatency = new();
    private readonly LatencyHistogram _unmapLatency = new();
    private readonly SkipCounter _skipped = new();
    private readonly ReplayCase _case;
    private readonly SizeLatencies? _sizes;
    private readonly SeriesRecorder? _series;
    private readonly ExposureMeter _exposure = new();
    private readonly TraceClock _clock;
    private readonly DeviceUse? _device;
    private OperationCounts _last;
    private double _microseconds;
    private long _drains;
    private TraceEventKind _direction = TraceEventKind.Map;

    /// <summary>Makes the machine and its domain.</summary>
    /// <param name="replayCase">The machine and the policy.</param>
    /// <param name="options">What the replay is asked for.</param>
    public ReplayLane(ReplayCase replayCase, ReplayOptions options)
    {
        _case = replayCase;
        _clock = new TraceClock(() => Lap(maps: 0, unmaps: 0));
        _costs = options.Costs ?? CostFile.Of(replayCase.Machine);
        _weights = new CostWeights(_costs.Components);
        _sizes = options.HasSizes ? new SizeLatencies() : null;
        _series = options.SeriesInterval == 0 ? null : new SeriesRecorder(options.SeriesInterval, _clock);

        // Where no device takes part, nothing would read the model's caches: counting the driver's accesses is enough.
        bool hasDevice = options.Device is not null;
        _machine = replayCase.Machine.Create(
            replayCase.Tuning.Settings with { HasModel = hasDevice, HasImmediateWrites = hasDevice, IsShared = false });
        var domainOptions = new DomainOptions
        {
            Policy = replayCase.Policy,
            FlushAllPages = replayCase.Tuning.FlushAllPages,

            // A trace says what went away, and the rest of a superpage did not.
            SplitsPages = !BitOperations.IsPow2(_machine.Driver.Traits.PageSizes),
            Clock = _clock,
        };
        _domain = hasDevice ? _machine.CreateDomain(domainOptions) : _machine.CreateTalliedDomain(domainOptions);
        _domain.Attach(_machine.TestDevice);
        try
        {
            _device = options.Device is { } profile ? new DeviceUse(profile, _machine, _domain) : null;
        }
        catch
        {
            Dispose();
            throw;
        }

        _before = _machine.Counts;
        _last = _before;
    }

    /// <summary>The machine, for callers that look at what the driver does to it.</summary>
    public Machine Machine => _machine;

    /// <summary>Intervals of the time series so far.</summary>
    public int SeriesCount => _series?.Count ?? 0;

    /// <summary>Does an event. What is neither a map nor an unmap changes nothing.</summary>
    /// <param name="traceEvent">The event.</param>
    /// <param name="livePages">Pages of 4 KiB that are mapped after it, by what the trace says.</param>
    public void Do(in TraceEvent traceEvent, ulong livePages)
    {
        _series?.LivePages = livePages;

        // Ties can be printed in the wrong order, and clocks can be reset: time never goes back here.
        _clock.AdvanceTo(traceEvent.Nanoseconds);
        switch (traceEvent.Kind)
        {
            case TraceEventKind.Map:
                Turn(traceEvent.Kind);
                Map(traceEvent);
                break;
            case TraceEventKind.Unmap:
                Turn(traceEvent.Kind);
                Unmap(traceEvent);
                break;
            case TraceEventKind.VtdMapping:
                _skipped.Add(SkipReason.VtdMapping, traceEvent.Line);
                break;
            case TraceEventKind.Damaged:
                _skipped.Add(SkipReason.Damaged, traceEvent.Line);
                break;
        }
    }

    /// <summary>Flushes what was put off, and says how the replay went.</summary>
    /// <param name="trace">What is in the trace.</param>
    public ReplayResult Finish(TraceSummary trace)
    {
        _domain.Flush();
        Lap(maps: 0, unmaps: 0);
        var device = _device?.Finish();
        var counts = _last - _before;
        counts.Add(OperationKind.MapCall, _mapLatency.Count);
        counts.Add(OperationKind.UnmapCall, _unmapLatency.Count);
        return new ReplayResult(
            trace,
            _machine.Name,
            _domain.Policy,
            _case.Tuning,
            _costs.Name,
            counts,
            _microseconds,
            LatencySummary.Of(_mapLatency),
            LatencySummary.Of(_unmapLatency),
            _skipped.Skipped,
            _sizes?.Counted ?? [],
            _series?.Finish() ?? [],
            _exposure.Finish(trace.HasTimes))
        {
            Device = device,
            IsAsRecorded = _case.Machine.RecordedOn is { } own && own == trace.RecordedOn,
            Unpriced = _costs.Unpriced(counts),
            Histograms = (_mapLatency, _unmapLatency),
        };
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _domain.Dispose();
        _machine.Dispose();
    }

    /// <summary>
    /// Who leaves flushing to the caller needs one that flushes: here, when the trace turns from maps to unmaps or back. A trace does not say when
    /// its device starts to use a mapping.
    /// </summary>
    private void Turn(TraceEventKind direction)
    {
        if (direction != _direction)
        {
            _direction = direction;
            if (_domain.Policy == SyncPolicy.Explicit)
            {
                _domain.Flush();
            }
        }
    }

    /// <summary>A device comes to mappings now and then. Who leaves flushing to the caller needs one that flushes before it does.</summary>
    private void UseMapping(DeviceUse device, in TraceEvent map)
    {
        if (device.IsFull && _domain.Policy == SyncPolicy.Explicit)
        {
            _domain.Flush();
        }

        device.Mapped(map.Iova, map.LastIova);
    }

    private void Map(in TraceEvent map)
    {
        var error = _domain.TryMap(map.Iova, map.PhysicalAddress, map.Size, Protection.Read | Protection.Write);
        if (error == IommuError.None)
        {
            double microseconds = Lap(maps: 1, unmaps: 0);
            _mapLatency.Add(microseconds);
            _sizes?.Add(MappingOperation.Map, map.Size, microseconds);
            _series?.AddCall(MappingOperation.Map, map.Size);
            if (_device is not null)
            {
                UseMapping(_device, map);
            }

            return;
        }

        // What it made the domain do before it failed is done, and so is a flush on the way to it; only the call itself does not count.
        Lap(maps: 0, unmaps: 0);
        _skipped.Add(
            error switch
            {
                IommuError.EEXIST => SkipReason.OverLiveMapping,
                IommuError.ENOMEM => SkipReason.NoTableMemory,
                _ => map.LastIova > _domain.ApertureEnd ? SkipReason.BeyondAperture : SkipReason.BeyondPhysicalWidth,
            },
            map.Line);
    }

    private void Unmap(in TraceEvent unmap)
    {
        if (unmap.Size == 0)
        {
            Lap(maps: 0, unmaps: 0);
            return;
        }

        if (unmap.Iova > _domain.ApertureEnd)
        {
            Lap(maps: 0, unmaps: 0);
            _skipped.Add(SkipReason.BeyondAperture, unmap.Line);
            return;
        }

        // What lies beyond the aperture was never mapped, and neither was what some map before had to skip.
        ulong last = Math.Min(unmap.LastIova, _domain.ApertureEnd);
        _device?.Unmapping(unmap.Iova, last);
        ulong next = unmap.Iova;
        ulong unmapped = 0;
        var before = _machine.PutOff;
        var error = IommuError.None;
        while (next <= last)
        {
            error = _domain.TryUnmap(next, last - next + 1, out ulong bytes);
            var after = _machine.PutOff;
            if (after.Drains != before.Drains)
            {
                // What this unmap put off before the flush is not reachable any more.
                before = after with { Pages = after.Pages - (long)(bytes / SmallPage.Bytes) };
            }

            unmapped += bytes;
            next += bytes;
            if (error != IommuError.None || (bytes == 0 && !_domain.TryFindNext(next, last, out next)))
            {
                break;
            }
        }

        double microseconds = Lap(maps: 0, unmaps: unmapped == 0 ? 0 : 1);
        if (_machine.PutOff.Pages - before.Pages is > 0 and var left)
        {
            _exposure.Left(left, _clock.Now, _microseconds);
        }

        if (unmapped != 0)
        {
            _unmapLatency.Add(microseconds);
            _sizes?.Add(MappingOperation.Unmap, unmap.Size, microseconds);
            _series?.AddCall(MappingOperation.Unmap, unmapped);
        }

        if (unmapped < unmap.Size)
        {
            _skipped.Add(
                error == IommuError.ENOMEM ? SkipReason.NoTableMemory
                : last < unmap.LastIova ? SkipReason.BeyondAperture
                : SkipReason.NotMapped,
                unmap.Line);
        }
    }

    /// <summary>Adds the virtual time of all work since the last call, whether its event was replayed or skipped, and returns it.</summary>
    private double Lap(int maps, int unmaps)
    {
        _machine.ReadCounts(out var now);
        double microseconds = _weights.Microseconds(_last, now, maps, unmaps);
        if (_series is not null)
        {
            AddToSeries(now, microseconds);
        }

        _last = now;
        _microseconds += microseconds;
        if (_machine.PutOff.Drains is var drains && drains != _drains)
        {
            _drains = drains;
            _exposure.Drained(_clock.Now, _microseconds);
        }

        return microseconds;
    }

    // Apart, so that a lap without a series has no room for a difference to clear.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private void AddToSeries(in OperationCounts now, double microseconds) => _series!.AddWork(now - _last, microseconds);
}
