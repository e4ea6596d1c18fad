using System.Numerics;
using System.Runtime.CompilerServices;
using IommuKit.Domains;
using IommuKit.Lab.Costs;
using IommuKit.Lab.Machines;
using IommuKit.Lab.Replay.Devices;
using IommuKit.Specs.PageTables;
using IommuKit.Traces;

namespace IommuKit.Lab.Replay;

/// <summary>One machine under one policy, to which the events of a trace are done.</summary>
/// <remarks>Of a trace with several domains, each is on a machine of its own, and a device uses what is mapped in the first.</remarks>
public sealed class ReplayLane : IDisposable
{
    // By the number of the domain in the trace. The first is always there.
    private readonly List<ReplayDomain> _domains = [];
    private readonly MachineSettings _settings;
    private readonly CostVector _costs;
    private readonly CostWeights _weights;
    private readonly LatencyHistogram _mapLatency = new();
    private readonly LatencyHistogram _unmapLatency = new();
    private readonly SkipCounter _skipped = new();
    private readonly ReplayCase _case;
    private readonly SizeLatencies? _sizes;
    private readonly SeriesRecorder? _series;
    private readonly TraceClock _clock;
    private readonly DeviceUse? _device;
    private readonly Action<Machine>? _onMachine;
    private double _microseconds;
    private TraceEventKind _direction = TraceEventKind.Map;

    /// <summary>Makes the machine and its domain.</summary>
    /// <param name="replayCase">The machine and the policy.</param>
    /// <param name="options">What the replay is asked for.</param>
    /// <param name="onMachine">
    /// Told of each machine once it is set up, the first and those of further domains: for callers that look at what a driver does. Or null.
    /// </param>
    public ReplayLane(ReplayCase replayCase, ReplayOptions options, Action<Machine>? onMachine = null)
    {
        _case = replayCase;
        _onMachine = onMachine;
        _clock = new TraceClock(() => _domains.ForEach(domain => Lap(domain, maps: 0, unmaps: 0)));
        _costs = options.Costs ?? CostFile.Of(replayCase.Machine);
        _weights = new CostWeights(_costs.Components);
        _sizes = options.HasSizes ? new SizeLatencies() : null;
        _series = options.SeriesInterval == 0 ? null : new SeriesRecorder(options.SeriesInterval, _clock);

        // Where no device takes part, nothing would read the model's caches: counting the driver's accesses is enough.
        bool hasDevice = options.Device is not null;
        _settings = replayCase.Tuning.Settings with { HasModel = hasDevice, HasImmediateWrites = hasDevice, IsShared = false };
        var first = AddDomain();
        try
        {
            _device = options.Device is { } profile ? new DeviceUse(profile, first.Machine, first.Domain) : null;
        }
        catch
        {
            Dispose();
            throw;
        }

        first.Restart();
    }

    /// <summary>The machine of the first domain.</summary>
    public Machine Machine => _domains[0].Machine;

    /// <summary>What was done so far on all machines, but for their set-up and for calls.</summary>
    public OperationCounts Counts
    {
        get
        {
            var counts = default(OperationCounts);
            foreach (var domain in _domains)
            {
                counts += domain.Counts;
            }

            return counts;
        }
    }

    /// <summary>Intervals of the time series so far.</summary>
    public int SeriesCount => _series?.Count ?? 0;

    /// <summary>Does an event in its domain. What is neither a map nor an unmap changes nothing.</summary>
    /// <param name="traceEvent">The event.</param>
    /// <param name="census">What has just read it.</param>
    public void Do(in TraceEvent traceEvent, TraceCensus census)
    {
        ArgumentNullException.ThrowIfNull(census);
        Do(new ReplayEvent(traceEvent, census.Domain, census.Summary.LivePages));
    }

    /// <summary>Does an event in one of several domains.</summary>
    internal void Do(in ReplayEvent one)
    {
        _series?.LivePages = one.LivePages;

        // Ties can be printed in the wrong order, and clocks can be reset: time never goes back here.
        _clock.AdvanceTo(one.Nanoseconds);
        switch (one.Kind)
        {
            case TraceEventKind.Map:
                var mapped = one.Domain == _domains.Count ? AddDomain() : _domains[one.Domain];
                Turn(one.Kind, mapped);
                Map(mapped, one);
                break;
            case TraceEventKind.Unmap:
                Turn(one.Kind, _domains[Math.Max(one.Domain, 0)]);
                Unmap(one);
                break;
            case TraceEventKind.VtdMapping:
                _skipped.Add(SkipReason.VtdMapping, one.Line);
                break;
            case TraceEventKind.Damaged:
                _skipped.Add(SkipReason.Damaged, one.Line);
                break;
        }
    }

    /// <summary>Flushes what was put off, and says how the replay went.</summary>
    /// <param name="trace">What is in the trace.</param>
    public ReplayResult Finish(TraceSummary trace)
    {
        foreach (var domain in _domains)
        {
            domain.Domain.Flush();
            Lap(domain, maps: 0, unmaps: 0);
        }

        var counts = Counts;
        var device = _device?.Finish();
        counts.Add(OperationKind.MapCall, _mapLatency.Count);
        counts.Add(OperationKind.UnmapCall, _unmapLatency.Count);
        return new ReplayResult(
            trace,
            Machine.Name,
            _domains[0].Domain.Policy,
            _case.Tuning,
            _costs.Name,
            counts,
            _microseconds,
            LatencySummary.Of(_mapLatency),
            LatencySummary.Of(_unmapLatency),
            _skipped.Skipped,
            _sizes?.Counted ?? [],
            _series?.Finish() ?? [],
            _domains[0].Exposure.Finish(trace.HasTimes))
        {
            Commands = CommandCount.Sum(_domains.SelectMany(domain => domain.Machine.Commands?.Read() ?? [])),
            Device = device,
            IsAsRecorded = _case.Machine.RecordedOn is { } own && own == trace.RecordedOn,
            HasTraits = _case.Machine.RecordedTraits.ToHashSet(StringComparer.Ordinal).SetEquals(trace.RecordedTraits),
            Unpriced = _costs.Unpriced(counts),
            Histograms = (_mapLatency, _unmapLatency),
        };
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _domains.ForEach(domain => domain.Dispose());
        _domains.Clear();
    }

    private ReplayDomain AddDomain()
    {
        var machine = _case.Machine.Create(_settings);
        try
        {
            var options = new DomainOptions
            {
                Policy = _case.Policy,
                FlushAllPages = _case.Tuning.FlushAllPages,

                // A trace says what went away, and the rest of a superpage did not.
                SplitsPages = !BitOperations.IsPow2(machine.Driver.Traits.PageSizes),
                Clock = _clock,
            };
            var domain = _settings.HasModel ? machine.CreateDomain(options) : machine.CreateTalliedDomain(options);
            var added = new ReplayDomain(machine, domain, _domains.Count == 0 ? new ExposureMeter() : _domains[0].Exposure.Beside());
            _domains.Add(added);
            _onMachine?.Invoke(machine);
            return added;
        }
        catch
        {
            machine.Dispose();
            throw;
        }
    }

    /// <summary>
    /// Who leaves flushing to the caller needs one that flushes: here, when the trace turns from maps to unmaps or back. A trace does not say when
    /// its device starts to use a mapping.
    /// </summary>
    private void Turn(TraceEventKind direction, ReplayDomain current)
    {
        if (direction == _direction)
        {
            return;
        }

        _direction = direction;
        if (_case.Policy != SyncPolicy.Explicit)
        {
            return;
        }

        foreach (var domain in _domains)
        {
            domain.Domain.Flush();
            if (domain != current)
            {
                // The call that is made next is in another one, and what this has flushed is not reachable from now on.
                Lap(domain, maps: 0, unmaps: 0);
            }
        }
    }

    /// <summary>A device comes to mappings now and then. Who leaves flushing to the caller needs one that flushes before it does.</summary>
    private void UseMapping(DeviceUse device, in ReplayEvent map)
    {
        if (device.IsFull && _case.Policy == SyncPolicy.Explicit)
        {
            _domains[0].Domain.Flush();
        }

        device.Mapped(map.Iova, map.LastIova);
    }

    private void Map(ReplayDomain domain, in ReplayEvent map)
    {
        var error = domain.Domain.TryMap(map.Iova, map.PhysicalAddress, map.Size, Protection.Read | Protection.Write);
        if (error == IommuError.None)
        {
            double microseconds = Lap(domain, maps: 1, unmaps: 0);
            _mapLatency.Add(microseconds);
            _sizes?.Add(MappingOperation.Map, map.Size, microseconds);
            _series?.AddCall(MappingOperation.Map, map.Size);
            if (_device is not null && domain == _domains[0])
            {
                UseMapping(_device, map);
            }

            return;
        }

        // What it made the domain do before it failed is done, and so is a flush on the way to it; only the call itself does not count.
        Lap(domain, maps: 0, unmaps: 0);
        _skipped.Add(
            error switch
            {
                IommuError.EEXIST => SkipReason.OverLiveMapping,
                IommuError.ENOMEM => SkipReason.NoTableMemory,
                _ => map.LastIova > domain.Domain.ApertureEnd ? SkipReason.BeyondAperture : SkipReason.BeyondPhysicalWidth,
            },
            map.Line);
    }

    private void Unmap(in ReplayEvent unmap)
    {
        var domain = _domains[Math.Max(unmap.Domain, 0)];
        ulong end = domain.Domain.ApertureEnd;
        if (unmap.Size == 0 || unmap.Iova > end)
        {
            Lap(domain, maps: 0, unmaps: 0);
            if (unmap.Size != 0)
            {
                _skipped.Add(SkipReason.BeyondAperture, unmap.Line);
            }

            return;
        }

        // What lies beyond the aperture was never mapped, and neither was what some map before had to skip.
        ulong last = Math.Min(unmap.LastIova, end);
        if (domain == _domains[0])
        {
            _device?.Unmapping(unmap.Iova, last);
        }

        double microseconds = 0;
        ulong unmapped = 0;
        var error = unmap.Domain == TraceDomains.Several
            ? UnmapParts(0, unmap.Iova, last, ref unmapped, ref microseconds)
            : Unmap(domain, unmap.Iova, last, goesOn: true, ref unmapped, ref microseconds);
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

    /// <summary>Unmaps a range in a domain.</summary>
    /// <param name="domain">The domain.</param>
    /// <param name="first">First IOVA.</param>
    /// <param name="last">Last IOVA.</param>
    /// <param name="goesOn">Whether behind IOVAs that are not mapped, too.</param>
    /// <param name="unmapped">Bytes that the event has unmapped so far.</param>
    /// <param name="microseconds">The virtual time that it has taken so far.</param>
    private IommuError Unmap(ReplayDomain domain, ulong first, ulong last, bool goesOn, ref ulong unmapped, ref double microseconds)
    {
        domain.BeginUnmap();
        var error = domain.Unmap(first, last, goesOn, out ulong bytes);

        // One call, in however many domains.
        microseconds += Lap(domain, maps: 0, unmaps: bytes == 0 || unmapped != 0 ? 0 : 1);
        unmapped += bytes;
        if (domain.PagesLeft is > 0 and var left)
        {
            domain.Exposure.Left(left, _clock.Now, _microseconds);
        }

        return error;
    }

    /// <summary>Unmaps a range of which several domains have parts, each in the first that has it, from one domain on.</summary>
    private IommuError UnmapParts(int number, ulong first, ulong last, ref ulong unmapped, ref double microseconds)
    {
        while (number < _domains.Count)
        {
            if (!_domains[number].Domain.TryFindNext(first, last, out ulong mapped))
            {
                number++;
                continue;
            }

            ulong before = unmapped;
            var error = mapped != first
                ? UnmapParts(number + 1, first, mapped - 1, ref unmapped, ref microseconds)
                : Unmap(_domains[number], first, last, goesOn: false, ref unmapped, ref microseconds);
            ulong next = mapped != first ? mapped : first + (unmapped - before);
            if (error != IommuError.None || next == first || next - 1 == last)
            {
                return error;
            }

            first = next;
        }

        return IommuError.None;
    }

    /// <summary>Adds the virtual time of all work in a domain since the last call, whether its event was replayed or skipped, and returns it.</summary>
    private double Lap(ReplayDomain domain, int maps, int unmaps)
    {
        bool hasDrained = domain.Lap(out var before, out var now);
        double microseconds = _weights.Microseconds(before, now, maps, unmaps);
        if (_series is not null)
        {
            AddToSeries(before, now, microseconds);
        }

        _microseconds += microseconds;
        if (hasDrained)
        {
            domain.Exposure.Drained(_clock.Now, _microseconds);
        }

        return microseconds;
    }

    // Apart, so that a lap without a series has no room for a difference to clear.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private void AddToSeries(in OperationCounts before, in OperationCounts now, double microseconds) => _series!.AddWork(now - before, microseconds);
}
