using IommuKit.Linux.Tests.Support;
using IommuKit.Linux.Vfio;

namespace IommuKit.Linux.Tests.Vfio;

/// <summary>Huge pages have the size that the kernel says. Real ones, which root has to set aside, are tried in the guests of scripts/lab.</summary>
public sealed class HugePagesTests : IDisposable
{
    private readonly FakeHost _host = FakeHost.Create();

    public void Dispose() => _host.Dispose();

    [Theory]
    [InlineData("2048 kB", 2ul << 20)]
    [InlineData("524288 kB", 512ul << 20)]
    [InlineData("1048576 kB", 1ul << 30)]
    [InlineData("0 kB", null)]
    [InlineData("many", null)]
    [InlineData("18446744073709551615 kB", null)]
    public void Their_size_is_read(string size, ulong? expected)
    {
        Put($"Hugepagesize:    {size}");
        HugePages.SizeIn(_host).ShouldBe(expected);
    }

    [Fact]
    public void A_kernel_without_them_says_no_size() => HugePages.SizeIn(_host).ShouldBeNull();

    [LinuxFact]
    public void Without_any_it_is_said_how_many_to_set_aside_of_the_size_that_they_have()
    {
        // More than any machine has set aside.
        const ulong size = (1ul << 46) - 1;
        Put("Hugepagesize:    2048 kB");
        Refused(size).ShouldContain($"echo {1 << 25} > /proc/sys/vm/nr_hugepages");
        Put("Hugepagesize:    524288 kB");
        Refused(size).ShouldContain($"echo {1 << 17} > /proc/sys/vm/nr_hugepages");

        string Refused(ulong bytes)
        {
            var refusal = Should.Throw<IommuException>(() => new HostPages(_host).Allocate(bytes));
            refusal.Error.ShouldBe(IommuError.ENOMEM);
            refusal.Message.ShouldNotContain("\n");
            return refusal.Message;
        }
    }

    [LinuxFact]
    public void Of_a_kernel_without_them_there_are_none()
    {
        Put("HugePages_Total: 0");
        var refusal = Should.Throw<HostException>(() => new HostPages(_host).Allocate(1));
        refusal.Problem.ShouldBe(HostProblem.Unavailable);
        refusal.Message.ShouldContain("CONFIG_HUGETLBFS");
    }

    private void Put(string line) => _host.Put("/proc/meminfo", $"MemTotal:       24105000 kB\nHugePages_Free:        0\n{line}\nDirectMap4k:      100 kB\n");
}
