using IommuKit.Cli.Extensions;
using IommuKit.Cli.Invocation;
using IommuKit.Domains;
using IommuKit.Lab.Machines;
using IommuKit.Lab.Replay;

namespace IommuKit.Cli.Commands;

/// <summary>The IOMMU that is taken for traces if nobody asks for another.</summary>
internal static class RecordedMachine
{
    /// <summary>One of the kind that traces were recorded on, if all that say so name the same; null if none does.</summary>
    /// <param name="catalog">The IOMMUs that there are.</param>
    /// <param name="traces">The traces. What is no plain file is not looked at, as it could not be read again.</param>
    public static IommuKind? Of(Catalog catalog, IEnumerable<string> traces) => Of(catalog, OriginsOf(traces));

    /// <summary>
    /// The same to replay them on: if none says anything, the usual one, or where they have IOVAs beyond what that can translate, the first that can.
    /// </summary>
    /// <param name="catalog">The IOMMUs that there are.</param>
    /// <param name="traces">The traces.</param>
    /// <param name="usual">The name of the usual one.</param>
    public static IommuKind ForReplay(Catalog catalog, IEnumerable<string> traces, string usual)
    {
        var origins = OriginsOf(traces);
        var ordinary = catalog.Machines.First(kind => kind.Name == usual);
        ulong last = origins.Select(origin => origin.LastIova).DefaultIfEmpty().Max();
        return Of(catalog, origins)
            ?? (origins.Exists(origin => origin.Iommu is not null) || CanTranslate(ordinary, last) ? ordinary
                : catalog.Machines.FirstOrDefault(kind => CanTranslate(kind, last)) ?? ordinary);
    }

    private static IommuKind? Of(Catalog catalog, List<TraceOrigin> origins)
    {
        string[] names = [.. origins.Select(origin => origin.Iommu).OfType<string>().Distinct(StringComparer.Ordinal)];
        return names is [var only] ? catalog.Machines.FirstOrDefault(kind => kind.RecordedOn == only) : null;
    }

    private static List<TraceOrigin> OriginsOf(IEnumerable<string> traces) =>
        [.. traces.Where(trace => trace.Length != 0 && FileIdentity.Of(trace) is { IsRegular: true }).Select(TraceOrigin.Find)];

    private static bool CanTranslate(IommuKind kind, ulong iova)
    {
        using var machine = kind.Create(new MachineSettings { HasModel = false });
        using var domain = machine.CreateDomain(new DomainOptions());
        return iova <= domain.ApertureEnd;
    }
}
