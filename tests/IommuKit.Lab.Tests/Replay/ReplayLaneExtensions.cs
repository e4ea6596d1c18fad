using IommuKit.Lab.Replay;
using IommuKit.Traces;

namespace IommuKit.Lab.Tests.Replay;

/// <summary>Events without a trace, for one domain.</summary>
internal static class ReplayLaneExtensions
{
    /// <summary>Does an event in the first domain.</summary>
    public static void Do(this ReplayLane lane, in TraceEvent traceEvent, ulong livePages) =>
        lane.Do(new ReplayEvent(traceEvent, domain: 0, livePages));
}
