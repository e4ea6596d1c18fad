using System.Text.Json;
using IommuKit.Linux.Tests.Support;

namespace IommuKit.Cli.Tests;

/// <summary><c>iommukit host info</c> of kernels in a folder.</summary>
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
        var (code, _, error) = Run("0000:00:04.0");
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
        var (code, _, error) = Run("--jsn");
        code.ShouldBe(2);
        error.ShouldContain("(see 'iommukit host info --help')");
    }

    private string Info(params string[] args)
    {
        var (code, output, error) = Run(args);
        code.ShouldBe(0, error);
        return output;
    }

    private (int Code, string Output, string Error) Run(params string[] args)
    {
        using var output = new StringWriter();
        using var error = new StringWriter();
        int code = CommandLine.Run(["host", "info", .. args], output, error, isInteractive: false, host: _fake);
        return (code, output.ToString(), error.ToString());
    }
}
