using System.Diagnostics;

namespace IommuKit.Linux.Tests.Support;

/// <summary>A kernel in a folder: its files are plain ones, and of its tracing it does what the recorder relies on.</summary>
internal sealed class FakeHost : HostFiles, IDisposable
{
    public const string Tracing = "/sys/kernel/tracing";

    // Those of Linux 6.12 with VT-d.
    private static readonly string[] AllEvents =
    [
        "iommu/map", "iommu/unmap", "iommu/attach_device_to_domain", "iommu/io_page_fault", "intel_iommu/qi_submit",
        "intel_iommu/cache_tag_flush_range", "printk/console", "dma", "sched/sched_switch",
    ];

    private readonly string _folder;
    private int _steps;

    private FakeHost(string folder)
        : base(folder)
    {
        _folder = folder;
    }

    /// <summary>What was written, in order: "path=text".</summary>
    public List<string> Writes { get; } = [];

    /// <summary>The step of making, writing or opening that fails; negative for none.</summary>
    public int FailingStep { get; set; } = -1;

    /// <summary>How it fails.</summary>
    public Func<Exception> Failure { get; set; } = () => new IOException("Device or resource busy", 16);

    /// <summary>What the pipe of a new instance holds; null for a pipe that others write to.</summary>
    public string? Recorded { get; set; } = string.Empty;

    /// <summary>The statistics of a new instance's processors.</summary>
    public string[] Statistics { get; set; } = ["entries: 0\noverrun: 0\ncommit overrun: 0\ndropped events: 0\n"];

    /// <summary>The events of the kernel.</summary>
    public string[] Events { get; set; } = AllEvents;

    public static FakeHost Create() => new(Directory.CreateTempSubdirectory("iommukit").FullName);

    /// <summary>One that can trace, with an IOMMU, as root.</summary>
    public static FakeHost CreateTraceable()
    {
        var host = Create();
        host.Put("/proc/self/status", "Name:\tdotnet\nUid:\t0\t0\t0\t0\nCapEff:\t000001ffffffffff\n");
        host.Put("/proc/sys/kernel/osrelease", "6.12.95+deb13-amd64\n");
        host.Put("/sys/class/iommu/dmar0/intel-iommu/cap", "d2008c22260286\n");
        host.Put("/sys/class/iommu/dmar0/intel-iommu/ecap", "f00f5a\n");
        host.Put("/sys/kernel/iommu_groups/5/type", "DMA-FQ\n");
        host.Put("/sys/devices/pci0000:00/0000:00:03.0/class", "0x010802\n");
        host.Link("/sys/kernel/iommu_groups/5/devices/0000:00:03.0", "../../../../devices/pci0000:00/0000:00:03.0");
        host.AddTracing();
        return host;
    }

    public void AddTracing()
    {
        Directory.CreateDirectory(PathOf($"{Tracing}/instances"));
        Fill(Tracing);
    }

    public void Put(string path, string text)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(PathOf(path))!);
        File.WriteAllText(PathOf(path), text);
    }

    public void Link(string path, string target)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(PathOf(path))!);
        File.CreateSymbolicLink(PathOf(path), target);
    }

    public void Remove(string path) => Directory.Delete(PathOf(path), recursive: true);

    /// <summary>All files with what they hold.</summary>
    public Dictionary<string, string> Snapshot() => Directory
        .EnumerateFiles(_folder, "*", SearchOption.AllDirectories)
        .Where(file => new FileInfo(file).LinkTarget is null)
        .ToDictionary(file => file[_folder.Length..], File.ReadAllText);

    public override void Write(string path, string text)
    {
        Step();
        Writes.Add($"{path}={text}");
        base.Write(path, text);
    }

    public override void MakeFolder(string path)
    {
        Step();
        base.MakeFolder(path);
        Fill(path);
    }

    public override void RemoveFolder(string path) => Directory.Delete(PathOf(path), recursive: true);

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private void Step()
    {
        if (_steps++ == FailingStep)
        {
            throw Failure();
        }
    }

    private void Fill(string folder)
    {
        Put($"{folder}/tracing_on", "1\n");
        Put($"{folder}/buffer_size_kb", "1410\n");
        Put($"{folder}/trace_clock", "[local] global counter uptime perf mono mono_raw boot tai x86-tsc\n");
        foreach (string name in Events)
        {
            Put($"{folder}/events/{name}/enable", "0\n");
        }

        for (int cpu = 0; cpu < Statistics.Length; cpu++)
        {
            Put($"{folder}/per_cpu/cpu{cpu}/stats", Statistics[cpu]);
        }

        if (Recorded is { } recorded)
        {
            Put($"{folder}/trace_pipe", recorded);
        }
        else
        {
            using var made = Process.Start("mkfifo", [PathOf($"{folder}/trace_pipe")]);
            made.WaitForExit();
        }
    }
}
