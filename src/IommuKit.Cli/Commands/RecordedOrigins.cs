using IommuKit.Cli.Extensions;
using IommuKit.Cli.Invocation;
using IommuKit.Lab.Machines;
using IommuKit.Lab.Replay;

namespace IommuKit.Cli.Commands;

/// <summary>What traces show of what they were recorded on, and what is taken for them if nobody asks for something else.</summary>
internal sealed class RecordedOrigins
{
    private readonly List<TraceOrigin> _origins;

    private RecordedOrigins(List<TraceOrigin> origins) => _origins = origins;

    // A trace that says nothing is no reason against what others say.
    private List<TraceOrigin> Named => _origins.FindAll(origin => origin.Iommu is not null);

    /// <summary>Looks.</summary>
    /// <param name="traces">The traces. What is no plain file is not looked at, as it could not be read again.</param>
    public static RecordedOrigins Of(IEnumerable<string> traces) => new(
        [.. traces.Where(trace => trace.Length != 0 && FileIdentity.Of(trace) is { IsRegular: true }).Select(TraceOrigin.Find)]);

    /// <summary>The IOMMU that is closest to what all of them show, if all that name one name the same; null if none does, or there is no such kind.</summary>
    /// <param name="catalog">The IOMMUs that there are.</param>
    public IommuKind? KindIn(Catalog catalog)
    {
        var named = Named;
        return named.DistinctBy(origin => origin.Iommu, StringComparer.Ordinal).Count() == 1
            ? (named[0] with
            {
                Traits = [.. named[0].Traits.Where(trait => named.TrueForAll(origin => origin.Traits.Contains(trait, StringComparer.Ordinal)))],
                LastIova = named.Max(origin => origin.LastIova),
            }).KindIn(catalog.Machines)
            : null;
    }

    /// <summary>
    /// The same to replay them on: if none says anything, the usual one, or where they have IOVAs beyond what that can translate, the first that can.
    /// </summary>
    /// <param name="catalog">The IOMMUs that there are.</param>
    /// <param name="usual">The name of the usual one.</param>
    public IommuKind ForReplay(Catalog catalog, string usual)
    {
        var ordinary = catalog.Machines.First(kind => kind.Name == usual);
        ulong last = _origins.Select(origin => origin.LastIova).DefaultIfEmpty().Max();
        return KindIn(catalog)
            ?? (_origins.Exists(origin => origin.Iommu is not null) || TraceOrigin.CanTranslate(ordinary, last) ? ordinary
                : catalog.Machines.FirstOrDefault(kind => TraceOrigin.CanTranslate(kind, last)) ?? ordinary);
    }

    /// <summary>
    /// Tuning by which drivers do as the recorded kernels did, of those kinds that all traces that say so were recorded on, where one value does for all of the
    /// kernels.
    /// </summary>
    /// <param name="kinds">What they are replayed on.</param>
    public TuningValues TuningFor(IReadOnlyList<IommuKind> kinds)
    {
        var named = Named;
        var theirs = kinds.Where(kind => named.TrueForAll(origin => origin.Iommu == kind.RecordedOn));
        return (named.Count != 0 ? theirs.SelectMany(kind => kind.Tuning).Distinct() : []).Aggregate(
            TuningValues.None,
            (values, option) => option.RecordedBy is { } recordedBy && named.Select(origin => recordedBy(origin.Kernel)).Distinct().ToList() is [var only]
                ? values.With(option, only)
                : values);
    }
}
