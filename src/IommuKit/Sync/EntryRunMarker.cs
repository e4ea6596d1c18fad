using IommuKit.PageTables;

namespace IommuKit.Sync;

/// <summary>Is told of a run whose maintenance is complete.</summary>
internal delegate void EntryRunMarker(in EntryRun run);
