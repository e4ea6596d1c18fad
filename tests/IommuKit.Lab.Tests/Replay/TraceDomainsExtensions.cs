using IommuKit.Lab.Replay;

namespace IommuKit.Lab.Tests.Replay;

/// <summary>Maps without a trace, which would say what is of one call.</summary>
internal static class TraceDomainsExtensions
{
    /// <summary>Takes down a map that is a call of its own.</summary>
    public static int Map(this TraceDomains domains, ulong first, ulong last, bool mayBeAnother, out bool isOver)
    {
        var call = new MapCall(last);
        return domains.Map(first, last, ref call, mayBeAnother, out isOver);
    }
}
