using IommuKit.Lab.Conform;
using IommuKit.Lab.Tests.Vtd;
using IommuKit.Traces;

namespace IommuKit.Lab.Tests.Conform;

/// <summary>The maps, unmaps and commands of a recorded boot.</summary>
public sealed class BootEventTests
{
    private const string Sample = """
        # a boot
        MARK 3 unmap 1
        A attach_device_to_domain IOMMU: device=0000:00:0a.0
        M fffff000 8192 8090000
        U fffff000 4096
          G SYNC
          TLBI asid=1
          SYNC
        U 100000000 4096 =
        MARK 4
        U 5000 4096 unmapped=8192
          TLBI asid=2
        U 6000 4096
        U 8000 4096
        """;

    [Fact]
    public void Events_have_their_step_and_their_commands()
    {
        using var folder = new BootFolder();
        folder.Write("oracle.txt", Sample);
        var boot = new RecordedBoot(folder.Path);
        boot.HasEvents.ShouldBeTrue();
        boot.Kernel.ShouldBe(string.Empty);
        var events = boot.Events().ToList();
        events.Select(one => (one.IsMap, one.Iova, one.Size, one.PhysicalAddress, one.IsGathered, one.Section, one.LineNumber)).ShouldBe(
        [
            (true, 0xffff_f000ul, 8192ul, 0x809_0000ul, false, "3 unmap 1", 4),
            (false, 0xffff_f000, 4096, 0, false, "3 unmap 1", 5),
            (false, 0x1_0000_0000, 4096, 0, true, "3 unmap 1", 9),
            (false, 0x5000, 4096, 0, false, "4", 11),
            (false, 0x6000, 4096, 0, false, "4", 13),
            (false, 0x8000, 4096, 0, false, "4", 14),
        ]);
        events[1].Commands.ShouldBe(["TLBI asid=1", "SYNC"]);
        events[2].Commands.ShouldBeEmpty();

        // What goes on where the one before ended was gathered with it.
        BootGroup.Of(events).Select(group => string.Join(' ', group.Events.Select(one => one.LineNumber))).ShouldBe(["4", "5 9", "11 13", "14"]);
    }

    [Fact]
    public void The_kernel_is_known_from_its_name()
    {
        using var folder = new BootFolder();
        folder.Write("meta.txt", "run\n== uname\nLinux (none) 6.12.1-16k #1 SMP\n== cmdline\nquiet\n");
        var boot = new RecordedBoot(folder.Path);
        boot.Kernel.ShouldBe("6.12.1-16k");
        boot.HasEvents.ShouldBeFalse();
    }

    [Theory]
    [InlineData("M 1000 4096")]
    [InlineData("M 1000 1x 2000")]
    [InlineData("U zero 4096")]
    [InlineData("V 1000 4096")]
    public void A_line_that_is_not_understood_is_named(string line)
    {
        using var folder = new BootFolder();
        folder.Write("oracle.txt", "MARK 1\n" + line + "\n");
        Should.Throw<InputException>(() => new RecordedBoot(folder.Path).Events().ToList()).Message.ShouldContain("oracle.txt:2");
    }
}
