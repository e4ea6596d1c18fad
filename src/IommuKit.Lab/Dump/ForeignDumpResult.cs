namespace IommuKit.Lab.Dump;

/// <summary>Page tables of others.</summary>
/// <param name="Dump">What they map. The rights of ranges are those of the whole way to them.</param>
/// <param name="Problems">Entries that are illegal, or lead nowhere; the first 1000.</param>
/// <param name="ProblemCount">How many there are in all.</param>
/// <param name="IsCut">Whether there is more: tables point to one another so often that not all ways through them were followed.</param>
internal sealed record ForeignDumpResult(DumpResult Dump, IReadOnlyList<DumpProblem> Problems, long ProblemCount, bool IsCut);
