using System.Text.Json;
using IommuKit.Cli.Extensions;
using IommuKit.Cli.Invocation;
using IommuKit.Cli.Output;
using IommuKit.Linux.Bench;
using IommuKit.Linux.Host;
using IommuKit.Linux.Tests.Support;
using IommuKit.Linux.Vfio;

namespace IommuKit.Cli.Tests;

/// <summary><c>iommukit host</c> of kernels in a folder.</summary>
public sealed class HostCommandTests : IDisposable
{
    private readonly FakeHost? _fake = OperatingSystem.IsLinux() ? FakeHost.CreateTraceable() : null;

    public void Dispose() => _fake?.Dispose();

    [UnixFact]
    public void A_host_is_told_with_what_its_devices_are_in()
    {
        string output = Info();
        output.ShouldContain("This machine · Linux 6.12.95+deb13-amd64");
        output.ShouldContain("dmar0: VT-d; IOVAs of 39 bits; pages 4K 2M 1G");
        output.ShouldContain("1 group: lazy");
        output.ShouldContain("not loaded: modprobe vfio-pci");
        output.ShouldContain("no limit for this process (CAP_IPC_LOCK)");
        output.ShouldContain("0000:00:03.0");
        output.ShouldContain("unbound");
    }

    [UnixFact]
    public void A_device_is_told_with_what_lets_a_program_use_it_and_its_danger()
    {
        _fake!.Link("/sys/devices/pci0000:00/0000:00:03.0/driver", "../../../bus/pci/drivers/nvme");
        string output = Info("0000:00:03.0");
        output.ShouldContain("0000:00:03.0: group 5, alone in it");
        output.ShouldContain("echo vfio-pci > /sys/bus/pci/devices/0000:00:03.0/driver_override");
        string.Join(' ', output.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries)).ShouldContain("file systems on its disks are gone at once");
        var (code, _, error) = Run("info", "0000:00:04.0");
        code.ShouldBe(2);
        error.ShouldContain("there is no such device behind an IOMMU here");
    }

    [UnixFact]
    public void Json_and_csv_have_the_same()
    {
        using var json = JsonDocument.Parse(Info("--json"));
        var group = json.RootElement.GetProperty("groups")[0];
        group.GetProperty("group").GetInt32().ShouldBe(5);
        group.GetProperty("mode").GetString().ShouldBe("lazy");
        group.GetProperty("state").GetString().ShouldBe("unbound");
        group.GetProperty("devices")[0].GetProperty("device").GetString().ShouldBe("0000:00:03.0");
        json.RootElement.GetProperty("vfio").GetProperty("containers").GetBoolean().ShouldBeFalse();
        Info("--csv").ShouldContain("5,0000:00:03.0,");
    }

    [UnixFact]
    public void A_device_that_is_in_no_group_yet_is_told_with_its_commands()
    {
        _fake!.Put("/sys/bus/pci/devices/0000:00:04.0/class", "0x00ff00\n");
        string output = Info("0000:00:04.0");
        output.ShouldContain("0000:00:04.0: in no group yet");
        output.ShouldContain("echo 0000:00:04.0 > /sys/bus/pci/drivers_probe");
        Info().ShouldContain("0000:00:04.0");
        Info("--csv").ShouldContain("\n,0000:00:04.0,");
        using var json = JsonDocument.Parse(Info("--json"));
        json.RootElement.GetProperty("ungrouped_devices")[0].GetProperty("device").GetString().ShouldBe("0000:00:04.0");
        using var access = JsonDocument.Parse(Info("0000:00:04.0", "--json"));
        access.RootElement[0].GetProperty("group").ValueKind.ShouldBe(JsonValueKind.Null);
    }

    [UnixFact]
    public void A_host_without_an_IOMMU_says_what_to_do()
    {
        _fake!.Remove("/sys/class/iommu");
        _fake.Remove("/sys/kernel/iommu_groups");
        Info().ShouldContain("none in use: turn it on in the firmware");
    }

    [UnixFact]
    public void Names_that_devices_and_firmware_choose_do_nothing_to_a_terminal()
    {
        _fake!.Put("/sys/class/dmi/id/sys_vendor", "Evil\u001b[2J\u202eInc\n");
        _fake.Put("/sys/kernel/iommu_groups/7/type", "DMA\u001b[31m\n");
        _fake.Put("/sys/kernel/iommu_groups/7/devices/dev\u001b[2J\nice/class", "0x010000\n");
        _fake.Put("/sys/class/iommu/x\u0007/uevent", string.Empty);
        foreach (string output in (string[])[Info(), Info("--markdown"), Info("dev\u001b[2J\nice")])
        {
            output.ShouldNotContain("\u001b");
            output.ShouldNotContain("\u0007");
            output.ShouldNotContain("\u202e");
        }
    }

    [UnixFact]
    public void What_is_misspelt_names_the_whole_command()
    {
        var (code, _, error) = Run("info", "--jsn");
        code.ShouldBe(2);
        error.ShouldContain("(see 'iommukit host info --help')");
    }

    [UnixFact]
    public void A_bench_without_a_device_is_one_line_with_what_to_do()
    {
        var (code, output, error) = Bench();
        code.ShouldBe(ExitCode.Unavailable);
        output.ShouldBeEmpty();
        error.ShouldStartWith("iommukit: no device is with vfio-pci: 'iommukit host info' lists devices");
        error.Trim().ShouldNotContain("\n");
    }

    [UnixFact]
    public void A_bench_takes_the_only_device_and_names_what_the_kernel_lacks()
    {
        _fake!.Link("/sys/devices/pci0000:00/0000:00:03.0/driver", "../../../bus/pci/drivers/vfio-pci");
        var (code, _, error) = Bench();
        code.ShouldBe(ExitCode.Unavailable);
        error.ShouldContain("there is no /dev/vfio/vfio");
        Bench("--back-end", "iommufd-only").Error.ShouldContain("there is no /dev/iommu");

        _fake.Put("/sys/devices/pci0000:00/0000:00:05.0/class", "0x010802\n");
        _fake.Link("/sys/devices/pci0000:00/0000:00:05.0/driver", "../../../bus/pci/drivers/vfio-pci");
        _fake.Link("/sys/kernel/iommu_groups/6/devices/0000:00:05.0", "../../../../devices/pci0000:00/0000:00:05.0");
        Bench().Error.ShouldContain("name one of the devices that are with vfio-pci: 0000:00:03.0, 0000:00:05.0");
    }

    [UnixFact]
    public void Sizes_that_cannot_be_mapped_are_refused()
    {
        foreach (string size in (string[])["3K", "32G", "0"])
        {
            var (code, _, error) = Bench("--size", size);
            code.ShouldBe(ExitCode.BadUse);
            error.ShouldStartWith("iommukit: --size: ");
        }
    }

    [UnixFact]
    public void A_bench_says_what_one_call_and_huge_pages_gain_and_what_of_it_is_pinning()
    {
        using var output = new StringWriter();
        using var error = new StringWriter();
        var context = new CommandContext(output, error, isInteractive: false, terminal: null, Surroundings.None, new Catalog(), _fake);
        var (result, host) = (Benched(), HostInfo.Read(_fake!));
        using (var file = ResultFile.Open(null, output, []))
        {
            HostBenchOutput.Write(new Results(context, file, OutputFormat.Table), result, host);
        }

        string text = output.ToString();
        text.ShouldContain("dma mapping benchmark: 0000:00:03.0 by vfio-type1 on VT-d, Linux 6.12.95+deb13-amd64");
        text.ShouldContain("4M: one call instead of one for each page maps 10.0× as fast and unmaps 10.0×.");
        text.ShouldContain("4M: in huge pages, maps 2.0× as fast and unmaps 2.0×.");
        text.ShouldContain("of a map of small pages in one call, 10.0 µs, about 4.0 µs are pinning.");
        text.ShouldContain("of a map of huge pages in one call, 5.0 µs, about 1.0 µs are pinning.");
        text.ShouldContain("Percentiles of too few samples (P90 of 10, P99 of 100) are left out: take more with --seconds.");
        text.ShouldContain("Left out: something.");
    }

    private static HostBenchResult Benched()
    {
        const ulong size = 4 << 20;
        HostBenchRow Row(BenchPages pages, BenchCalls calls, BenchOperation operation, double nanoseconds) =>
            new(size, calls == BenchCalls.One ? size : 4096, pages, calls, operation, Latencies.Of([nanoseconds]));
        return new HostBenchResult("0000:00:03.0", HostBackEnd.LegacyOnly,
        [
            Row(BenchPages.Small, BenchCalls.One, BenchOperation.Map, 10_000),
            Row(BenchPages.Small, BenchCalls.One, BenchOperation.Unmap, 8_000),
            Row(BenchPages.Small, BenchCalls.One, BenchOperation.Pin, 4_000),
            Row(BenchPages.Small, BenchCalls.EachPage, BenchOperation.Map, 100_000),
            Row(BenchPages.Small, BenchCalls.EachPage, BenchOperation.Unmap, 80_000),
            Row(BenchPages.Huge, BenchCalls.One, BenchOperation.Map, 5_000),
            Row(BenchPages.Huge, BenchCalls.One, BenchOperation.Unmap, 4_000),
            Row(BenchPages.Huge, BenchCalls.One, BenchOperation.Pin, 1_000),
        ])
        {
            LeftOut = ["something"],
        };
    }

    private (int Code, string Output, string Error) Bench(params string[] args) => Run(["bench", .. args]);

    private string Info(params string[] args)
    {
        var (code, output, error) = Run(["info", .. args]);
        code.ShouldBe(0, error);
        return output;
    }

    private (int Code, string Output, string Error) Run(params string[] args)
    {
        using var output = new StringWriter();
        using var error = new StringWriter();
        int code = CommandLine.Run(["host", .. args], output, error, isInteractive: false, host: _fake);
        return (code, output.ToString(), error.ToString());
    }
}
