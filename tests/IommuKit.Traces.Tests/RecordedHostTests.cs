using System.Text;
using FsCheck;
using FsCheck.Fluent;
using IommuKit.Traces.Files;

namespace IommuKit.Traces.Tests;

/// <summary>What a recording says of its machine comes back as it was, and does not disturb the events.</summary>
public sealed class RecordedHostTests : IDisposable
{
    private const string Map = "  fio-12  [001] ..... 7.590418: map: IOMMU: iova=0xffe0000 - 0xffe1000 paddr=0x6c66000 size=4096\n";
    private const string Unmap = "  fio-12  [001] ..... 7.590518: unmap: IOMMU: iova=0xffe0000 - 0xffe1000 size=4096 unmapped_size=4096\n";

    private readonly string _file = Path.GetTempFileName();

    public void Dispose() => File.Delete(_file);

    [Fact]
    public void All_of_it_comes_back()
    {
        var host = Example();
        var (read, events, overwritten) = Read(host, Map + Unmap, lost: 0);
        events.ShouldBe(2);
        overwritten.ShouldBe(0);
        read.Kernel.ShouldBe(host.Kernel);
        read.CommandLine.ShouldBe(host.CommandLine);
        read.Machine.ShouldBe(host.Machine);
        read.IsVirtual.ShouldBeTrue();
        read.Processors.ShouldBe(12);
        read.Iommu.ShouldBe("VT-d");
        read.Mode.ShouldBe("lazy");
        read.Date.ShouldBe(new DateOnly(2026, 11, 27));
        read.Clock.ShouldBe("mono");
        read.Workload.ShouldBe("fio job");
        read.Devices.ShouldBe(host.Devices);
        read.Devices.Select(device => device.IsTranslated).ShouldBe([true, false]);
    }

    [Theory]
    [InlineData("a, b", "a, b")]
    [InlineData(",\n", ", ")]
    [InlineData("a,\tb, c", "a, b, c")]
    public void A_driver_is_all_that_comes_last(string driver, string expected)
    {
        var host = new RecordedHost();
        host.Add(new RecordedDevice("0000:00:03.0", 5, "DMA", driver));
        Read(host, Map, lost: 0).Item1.Devices.ShouldHaveSingleItem().Driver.ShouldBe(expected);
    }

    [Fact]
    public void Text_of_any_kind_stays_on_its_line()
    {
        Prop.ForAll<string, string>((kernel, driver) =>
        {
            var host = new RecordedHost { Kernel = kernel ?? string.Empty, Workload = "a\n" + Map };
            host.Add(new RecordedDevice("0000:00:03.0", 5, "DMA", driver));
            var (read, events, _) = Read(host, Map + Unmap, lost: 0);
            events.ShouldBe(2);
            read.Kernel!.ShouldNotContain("\n");
            read.Devices.Count.ShouldBe(1);
        }).QuickCheckThrowOnFailure();
    }

    [Fact]
    public void What_was_lost_and_is_not_marked_counts_as_overwritten()
    {
        Read(Example(), Map + "CPU:1 [LOST 5 EVENTS]\n" + Unmap, lost: 12).Overwritten.ShouldBe(7);
        Read(Example(), Map + "CPU:1 [LOST 5 EVENTS]\n" + Unmap, lost: 5).Overwritten.ShouldBe(0);
        Read(Example(), Map + "CPU:1 [LOST 5 EVENTS]\n" + Unmap, lost: 0).Overwritten.ShouldBe(0);
    }

    [Fact]
    public void A_second_recording_in_a_file_is_refused()
    {
        using var text = new StringWriter();
        Example().Write(text);
        string heading = text.ToString()["# tracer: nop\n".Length..];
        File.WriteAllText(_file, heading + Map + heading + Unmap);
        using var reader = TraceFile.Open(_file);
        Should.Throw<InputException>(() => Drain(reader)).Message.ShouldContain("a second trace starts here");
    }

    [Fact]
    public void A_recording_of_nothing_says_so()
    {
        using var text = new StringWriter();
        Example().Write(text);
        RecordedHost.WriteEnd(text, 0);
        File.WriteAllText(_file, text.ToString());
        using var reader = TraceFile.Open(_file);
        Should.Throw<InputException>(() => Drain(reader)).Message.ShouldContain("nothing was mapped or unmapped while it was recorded");
    }

    [Theory]
    [InlineData("# iommukit processors: 99999999999")]
    [InlineData("# iommukit processors: -4")]
    [InlineData("# iommukit mode: wild")]
    [InlineData("# iommukit lost: many")]
    [InlineData("# iommukit date: 2026-99-99")]
    [InlineData("# iommukit device: one, two")]
    [InlineData("# iommukit later: something")]
    [InlineData("# iommukit ")]
    [InlineData("# iommukit : ")]
    public void Lines_that_say_nothing_known_are_passed_over(string line)
    {
        File.WriteAllText(_file, $"{line}\n{Map}{Unmap}");
        using var reader = TraceFile.Open(_file);
        Drain(reader).ShouldBe(2);
        reader.Processors.ShouldBe(0);
        reader.Overwritten.ShouldBe(0);
        reader.Host!.Mode.ShouldBeNull();
        reader.Host.Date.ShouldBeNull();
        reader.Host.Devices.ShouldBeEmpty();
    }

    private static RecordedHost Example()
    {
        var host = new RecordedHost
        {
            Kernel = "6.12.95+deb13-amd64",
            CommandLine = "root=/dev/sda1: intel_iommu=on",
            Machine = "QEMU Standard PC",
            IsVirtual = true,
            Processors = 12,
            Iommu = "VT-d",
            Mode = "lazy",
            Date = new DateOnly(2026, 11, 27),
            Clock = "mono",
            Workload = "fio job",
        };
        host.Add(new RecordedDevice("0000:00:03.0", 5, "DMA-FQ", "nvme"));
        host.Add(new RecordedDevice("0000:00:04.0", 6, "identity", null));
        return host;
    }

    private static int Drain(TraceReader reader)
    {
        int events = 0;
        while (reader.Read(out var traceEvent))
        {
            events += traceEvent.Kind is TraceEventKind.Map or TraceEventKind.Unmap ? 1 : 0;
        }

        return events;
    }

    private (RecordedHost Host, int Events, long Overwritten) Read(RecordedHost host, string events, long lost)
    {
        using var text = new StringWriter();
        host.Write(text);
        text.Write(events);
        RecordedHost.WriteEnd(text, lost);
        File.WriteAllText(_file, text.ToString(), new UTF8Encoding(false));
        using var reader = TraceFile.Open(_file);
        int count = Drain(reader);
        return (reader.Host!, count, reader.Overwritten);
    }
}
