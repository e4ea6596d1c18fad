using System.Globalization;
using System.Text;
using IommuKit.Cli.Output;
using IommuKit.Lab.Replay;
using IommuKit.Traces;

namespace IommuKit.Cli.Runs;

/// <summary>Puts shards together, and holds that they are all there, once each, and parts of the same sweep.</summary>
internal sealed class ShardMerger
{
    // A mark of the byte order is a damage like any other.
    private static readonly UTF8Encoding Bytes = new(encoderShouldEmitUTF8Identifier: false);

    private readonly string _firstPath;
    private readonly ShardHeader _first;
    private readonly string?[] _pathOf;
    private readonly ReplayResult?[] _results;
    private readonly (TraceSummary Trace, string Text, string Path)?[] _traces;

    private ShardMerger(string path, ShardHeader first)
    {
        _firstPath = path;
        _first = first;
        _pathOf = new string?[first.Shards];
        _results = new ReplayResult?[first.Files * first.Cases];
        _traces = new (TraceSummary, string, string)?[first.Files];
    }

    /// <summary>Reads the files of all shards.</summary>
    /// <returns>What is shown, and the results in the order of the work.</returns>
    /// <exception cref="InputException">A file cannot be used, or they do not belong together.</exception>
    public static (ReplayView View, IReadOnlyList<ReplayResult> Results) Read(IReadOnlyList<string> paths)
    {
        ShardMerger? merger = null;
        foreach (string path in paths)
        {
            try
            {
                using var reader = path == "-" ? Console.In : new StreamReader(path, Bytes, detectEncodingFromByteOrderMarks: false);
                using var checksum = new ShardChecksum();
                var header = ReadHeader(reader, checksum, path);
                merger ??= new ShardMerger(path, header);
                merger.Add(reader, checksum, path, header);
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                throw new InputException(path, null, Directory.Exists(path) ? "is a directory" : FileProblem.Describe(e));
            }
        }

        return merger!.Finish();
    }

    private static ShardHeader ReadHeader(TextReader reader, ShardChecksum checksum, string path)
    {
        // So many that no sweep has them; the arrays for them must fit.
        const long maxItems = 10_000_000;
        var header = ShardFile.ReadHeader(reader, checksum, path) ?? throw new InputException(path, null, "is empty");
        if (header.IommukitShard != ShardHeader.Version)
        {
            throw new InputException(path, 1, $"has version {header.IommukitShard} of the format; this program reads {ShardHeader.Version}");
        }

        bool isPossible = header is { Shards: >= 1, Files: >= 1, Cases: >= 1 }
            && header.Shard >= 1
            && header.Shard <= header.Shards
            && header.Shards <= maxItems
            && (long)header.Files * header.Cases <= maxItems
            && Enum.IsDefined(header.View);
        return isPossible ? header : throw new InputException(path, 1, "has numbers of shards, files or cases that contradict each other");
    }

    private void Add(TextReader reader, ShardChecksum checksum, string path, ShardHeader header)
    {
        CheckSame(path, header);
        ref string? other = ref _pathOf[header.Shard - 1];
        if (other is not null)
        {
            throw new InputException(path, 1, $"is shard {header.Shard}/{header.Shards}, and so is {other}");
        }

        other = path;
        var (start, end) = new Shard(header.Shard, header.Shards).Of(_results.Length);
        for (int item = start; item < end; item++)
        {
            int line = item - start + 2;
            var (number, result) = ShardFile.ReadItem(reader, checksum, path, line) ?? throw new InputException(
                path, line, $"ends after {item - start} of the {end - start} results of shard {header.Shard}/{header.Shards}; run it again");
            if (number != item)
            {
                throw new InputException(path, line, $"has item {number} where shard {header.Shard}/{header.Shards} has item {item}");
            }

            _results[item] = result with { Trace = TraceOf(item / header.Cases, result.Trace, path, line) };
        }

        string expected = ShardFile.EndOf(checksum);
        string last = ShardFile.ReadLine(reader, path, end - start + 2) ?? throw new InputException(
            path, end - start + 2, "ends without its checksum; run the shard again");
        if (last != expected)
        {
            throw new InputException(path, null, "is damaged: its lines do not have the checksum at its end; run the shard again");
        }

        if (reader.Peek() >= 0)
        {
            throw new InputException(path, end - start + 3, $"is more than shard {header.Shard}/{header.Shards} has");
        }
    }

    private void CheckSame(string path, ShardHeader header)
    {
        if ((header.Shards, header.Files, header.Cases, header.View) != (_first.Shards, _first.Files, _first.Cases, _first.View))
        {
            throw new InputException(
                path, 1, $"is of a sweep of {Describe(header)}, {_firstPath} of one of {Describe(_first)}; they do not belong together");
        }

        foreach (string name in header.Parameters.Keys.Union(_first.Parameters.Keys, StringComparer.Ordinal))
        {
            string? here = header.Parameters.GetValueOrDefault(name);
            string? there = _first.Parameters.GetValueOrDefault(name);
            if (here != there)
            {
                throw new InputException(path, 1, $"was made with another {name} ({here ?? "none"}) than {_firstPath} ({there ?? "none"})");
            }
        }
    }

    private static string Describe(ShardHeader header) => string.Create(
        CultureInfo.InvariantCulture,
        $"{header.Shards} shards with {Numbers.Count(header.Files, "file")} and {Numbers.Count(header.Cases, "case")} ({header.View})");

    /// <summary>The trace of a result: the same one for all results of a file.</summary>
    private TraceSummary TraceOf(int file, TraceSummary trace, string path, int line)
    {
        string text = ShardFile.TextOf(trace);
        var (known, knownText, knownPath) = _traces[file] ??= (trace, text, path);
        return knownText == text
            ? known
            : throw new InputException(path, line, $"{trace.File} was another file than for {knownPath}: its events are different");
    }

    private (ReplayView View, IReadOnlyList<ReplayResult> Results) Finish()
    {
        int[] missing = [.. Enumerable.Range(0, _first.Shards).Where(shard => _pathOf[shard] is null)];
        if (missing.Length != 0)
        {
            string names = string.Join(", ", missing.Take(10).Select(shard => $"{shard + 1}/{_first.Shards}"))
                + (missing.Length > 10 ? " …" : string.Empty);
            throw new InputException($"{Numbers.Count(missing.Length, "shard")} of {_first.Shards} missing: {names}");
        }

        return (_first.View, [.. _results.Select(result => result!)]);
    }
}
