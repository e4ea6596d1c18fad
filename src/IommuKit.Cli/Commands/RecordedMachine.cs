using IommuKit.Cli.Extensions;
using IommuKit.Cli.Invocation;
using IommuKit.Lab.Machines;
using IommuKit.Lab.Replay;

namespace IommuKit.Cli.Commands;

/// <summary>The IOMMU that is taken for traces if nobody asks for another.</summary>
internal static class RecordedMachine
{
    /// <summary>One of the kind that traces were recorded on, if all that say so name the same; null if none does.</summary>
    /// <param name="catalog">The IOMMUs that there are.</param>
    /// <param name="traces">The traces. What is no plain file is not looked at, as it could not be read again.</param>
    public static IommuKind? Of(Catalog catalog, IEnumerable<string> traces)
    {
        string?[] recorded =
        [
            .. traces.Where(trace => trace.Length != 0 && FileIdentity.Of(trace) is { IsRegular: true }).Select(TraceOrigin.Find)
                .Where(name => name is not null).Distinct(StringComparer.Ordinal),
        ];
        return recorded is [{ } only] ? catalog.Machines.FirstOrDefault(kind => kind.RecordedOn == only) : null;
    }
}
