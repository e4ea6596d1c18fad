using System.Globalization;
using IommuKit.Linux.Tests.Support;
using IommuKit.Linux.Tracing;

namespace IommuKit.Linux.Tests;

/// <summary>A recording changes nothing but an instance of its own, and leaves nothing behind.</summary>
public sealed class TraceRecorderTests : IDisposable
{
    private static readonly string Instance =
        string.Create(CultureInfo.InvariantCulture, $"{FakeHost.Tracing}/instances/iommukit-{Environment.ProcessId}");

    private readonly FakeHost _host = FakeHost.CreateTraceable();

    public void Dispose() => _host.Dispose();

    [LinuxFact]
    public void Everything_is_set_in_an_instance_before_it_starts_and_is_gone_afterwards()
    {
        var before = _host.Snapshot();
        using (var recorder = TraceRecorder.Prepare(_host, new RecordSettings(4096)))
        {
            recorder.Clock.ShouldBe("mono");
            recorder.Events.ShouldBe(
            [
                "iommu/map", "iommu/unmap", "iommu/attach_device_to_domain", "iommu/io_page_fault", "intel_iommu/qi_submit",
                "intel_iommu/cache_tag_flush_range", "printk/console",
            ]);
            _host.Writes[0].ShouldBe($"{Instance}/tracing_on=0");
            _host.Writes.ShouldContain($"{Instance}/buffer_size_kb=4096");
            _host.Writes.ShouldContain($"{Instance}/trace_clock=mono");
            _host.Writes.ShouldNotContain($"{Instance}/tracing_on=1");
            recorder.Start();
            _host.Writes[^1].ShouldBe($"{Instance}/tracing_on=1");
        }

        _host.Writes.ShouldAllBe(write => write.StartsWith($"{Instance}/"));
        _host.Writes[^1].ShouldBe($"{Instance}/tracing_on=0");
        _host.Snapshot().ShouldBe(before);
    }

    [LinuxFact]
    public void A_failure_at_any_step_leaves_everything_as_it_was()
    {
        int steps = 0;
        while (true)
        {
            using var host = FakeHost.CreateTraceable();
            host.FailingStep = steps;
            var before = host.Snapshot();
            try
            {
                using var recorder = TraceRecorder.Prepare(host, new RecordSettings());
                recorder.Start();
                break;
            }
            catch (HostException e)
            {
                e.Problem.ShouldBe(HostProblem.Failed);
                e.Message.ShouldNotContain("\n");
            }

            host.Snapshot().ShouldBe(before, $"step {steps}");
            host.HasFolder(Instance).ShouldBeFalse();
            steps++;
        }

        // Making it, three settings, seven events, starting.
        steps.ShouldBe(12);
    }

    [LinuxFact]
    public void Dma_events_are_recorded_on_request()
    {
        using var recorder = TraceRecorder.Prepare(_host, new RecordSettings(WithDma: true));
        recorder.Events.ShouldContain("dma");
        _host.Writes.ShouldContain($"{Instance}/events/dma/enable=1");
    }

    [LinuxFact]
    public void What_the_pipe_holds_is_written_down_and_what_was_lost_is_counted()
    {
        string text = string.Concat(Enumerable.Range(0, 20_000).Select(i => $"event {i}\n"));
        _host.Recorded = text;
        _host.Statistics =
        [
            "entries: 5\noverrun: 7\ncommit overrun: 0\ndropped events: 0\nread events: 100\n", "overrun: 0\ncommit overrun: 1\ndropped events: 30\n",
        ];
        using var recorder = TraceRecorder.Prepare(_host, new RecordSettings());
        recorder.Start();
        using var output = new MemoryStream();
        using var stop = new CancellationTokenSource();
        stop.Cancel();
        recorder.CopyUntil(output, stop.Token);
        System.Text.Encoding.UTF8.GetString(output.ToArray()).ShouldBe(text);
        recorder.CountLost().ShouldBe(38);
    }

    [LinuxFact]
    public void What_cannot_be_written_down_is_said_and_everything_restored()
    {
        var before = _host.Snapshot();
        _host.Recorded = "event\n";
        using (var recorder = TraceRecorder.Prepare(_host, new RecordSettings()))
        {
            recorder.Start();
            using var full = new FileStream("/dev/full", FileMode.Open, FileAccess.Write, FileShare.ReadWrite, bufferSize: 0);
            using var stop = new CancellationTokenSource();
            stop.Cancel();
            Should.Throw<IOException>(() => recorder.CopyUntil(full, stop.Token)).Message.ShouldContain("No space left");
        }

        _host.Snapshot().ShouldBe(before);
    }

    [LinuxFact]
    public void Instances_of_recordings_that_were_killed_go_and_those_of_others_stay()
    {
        _host.Put("/proc/41/status", "Uid:\t0\t0\t0\t0\n");
        foreach (string name in (string[])["iommukit-41", "iommukit-42", "iommukit-x", "mine"])
        {
            _host.Put($"{FakeHost.Tracing}/instances/{name}/tracing_on", "1\n");
        }

        TraceRecorder.Prepare(_host, new RecordSettings()).Dispose();
        _host.Names($"{FakeHost.Tracing}/instances").ShouldBe(["iommukit-41", "iommukit-x", "mine"]);
    }

    [LinuxFact]
    public void A_kernel_without_the_clock_keeps_its_own()
    {
        using var host = FakeHost.CreateTraceable();
        using var recorder = TraceRecorder.Prepare(new OneClock(host), new RecordSettings());
        recorder.Clock.ShouldBe("local");
        host.Writes.ShouldNotContain(write => write.Contains("trace_clock"));
    }

    [LinuxFact]
    public void Each_reason_why_it_cannot_be_recorded_is_one_sentence_with_a_remedy()
    {
        _host.Remove("/sys/kernel/tracing/events/iommu/unmap");
        Problem(HostProblem.Unavailable, "no event iommu:unmap", "CONFIG_IOMMU_API");
        _host.Remove("/sys/kernel/tracing/instances");
        Problem(HostProblem.Unavailable, "tracefs is not mounted", "mount -t tracefs nodev /sys/kernel/tracing");
        _host.Put("/sys/kernel/security/lockdown", "none integrity [confidentiality]\n");
        Problem(HostProblem.Permission, "locked down", "lockdown=integrity");
        _host.Put("/proc/self/status", "Uid:\t1000\t1000\t1000\t1000\n");
        Problem(HostProblem.Permission, "needs root", "sudo");
        _host.Put("/proc/self/status", "Uid:\t0\t0\t0\t0\n");
        _host.Put("/sys/kernel/security/lockdown", "[none] integrity confidentiality\n");
        _host.Remove("/sys/kernel/tracing");
        Problem(HostProblem.Unavailable, "no tracing", "CONFIG_FTRACE");
    }

    [LinuxFact]
    public void What_the_kernel_refuses_has_its_remedy_too()
    {
        foreach (var (failure, problem, words) in (ReadOnlySpan<(Exception, HostProblem, string)>)
        [
            (new UnauthorizedAccessException(), HostProblem.Permission, "outside of containers"),
            (new IOException("Read-only file system", 30), HostProblem.Permission, "for reading only"),
            (new IOException("Cannot allocate memory", 12), HostProblem.Failed, "--buffer"),
            (new IOException("Device or resource busy", 16), HostProblem.Failed, "Device or resource busy"),
        ])
        {
            using var host = FakeHost.CreateTraceable();
            host.FailingStep = 0;
            host.Failure = () => failure;
            var refused = Should.Throw<HostException>(() => TraceRecorder.Prepare(host, new RecordSettings()));
            refused.Problem.ShouldBe(problem);
            refused.Message.ShouldContain(words);
        }
    }

    private void Problem(HostProblem problem, params string[] words)
    {
        var refused = Should.Throw<HostException>(() => TraceRecorder.Prepare(_host, new RecordSettings()));
        refused.Problem.ShouldBe(problem);
        words.ShouldAllBe(word => refused.Message.Contains(word));
        refused.Message.ShouldNotContain("\n");
        _host.Writes.ShouldBeEmpty();
    }

    /// <summary>A kernel with one clock.</summary>
    private sealed class OneClock(FakeHost host) : HostFiles(host.PathOf("/"))
    {
        public override void MakeFolder(string path)
        {
            host.MakeFolder(path);
            host.Put($"{path}/trace_clock", "[local]\n");
        }

        public override void Write(string path, string text) => host.Write(path, text);

        public override void RemoveFolder(string path) => host.RemoveFolder(path);
    }
}
