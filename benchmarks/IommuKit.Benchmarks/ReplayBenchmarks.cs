using System.IO.Compression;
using BenchmarkDotNet.Attributes;
using IommuKit.Domains;
using IommuKit.Lab.Iommus;
using IommuKit.Lab.Replay;
using IommuKit.Traces.Files;

namespace IommuKit.Benchmarks;

/// <summary>A recorded trace, many times over: reading it, and replaying it under one policy. Times are for all of its events.</summary>
[MemoryDiagnoser]
public class ReplayBenchmarks
{
    private const int Repetitions = 40;

    private readonly string _path = Path.GetTempFileName();
    private readonly ReplayOptions _options = new()
    {
        Machines = [MachineCatalog.Find("tegra210")!],
        Policies = [SyncPolicy.Gather],
    };

    /// <summary>The name of a sample, of which <see cref="SetUp"/> makes a large trace.</summary>
    [Params("nvme-seq-strict", "e1000e-counter-lazy-qi")]
    public string Sample { get; set; } = string.Empty;

    [GlobalSetup]
    public void SetUp()
    {
        string root = AppContext.BaseDirectory;
        while (!File.Exists(Path.Combine(root, "IommuKit.slnx")))
        {
            root = Path.GetDirectoryName(root)
                ?? throw new InvalidOperationException("The samples lie in the repository, and this does not run in it.");
        }

        using var file = new GZipStream(File.OpenRead(Path.Combine(root, "samples", Sample + ".trace.gz")), CompressionMode.Decompress);
        using var text = new StreamReader(file);
        string[] lines = [.. text.ReadToEnd().Split('\n').Where(line => line.Length != 0 && line[0] != '#')];
        File.WriteAllLines(_path, Enumerable.Repeat(lines, Repetitions).SelectMany(all => all));
    }

    [GlobalCleanup]
    public void CleanUp() => File.Delete(_path);

    /// <summary>Reads every event.</summary>
    [Benchmark(Baseline = true)]
    public long Read()
    {
        using var reader = TraceFile.Open(_path);
        long events = 0;
        while (reader.Read(out _))
        {
            events++;
        }

        return events;
    }

    /// <summary>Reads every event and does it to one machine.</summary>
    [Benchmark]
    public IReadOnlyList<ReplayResult> Replay() => Replayer.Run(_path, _options);
}
