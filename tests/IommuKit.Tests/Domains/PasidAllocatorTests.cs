using IommuKit.Domains;

namespace IommuKit.Tests.Domains;

public sealed class PasidAllocatorTests
{
    [Fact]
    public void The_lowest_that_is_free_is_given_out_and_never_0()
    {
        var pasids = new PasidAllocator(5);
        Enumerable.Range(0, 4).Select(_ => pasids.Take()).ShouldBe([1, 2, 3, 4]);
        Should.Throw<IommuException>(() => pasids.Take()).Error.ShouldBe(IommuError.ENOSPC);
        pasids.Release(3);
        pasids.Release(2);
        pasids.Take().ShouldBe(2);
        pasids.Take().ShouldBe(3);
    }

    [Theory]
    [InlineData(-1)]
    [InlineData(0)]
    [InlineData(2)]
    [InlineData(8)]
    public void What_was_not_given_out_cannot_be_given_back(int pasid)
    {
        var pasids = new PasidAllocator(8);
        pasids.Take();
        Should.Throw<ArgumentException>(() => pasids.Release(pasid));
    }

    [Theory]
    [InlineData(0)]
    [InlineData((1 << 20) + 1)]
    public void A_number_that_cannot_be_is_refused(int pasids) => Should.Throw<ArgumentOutOfRangeException>(() => new PasidAllocator(pasids));

    [Fact]
    public void No_two_threads_are_given_the_same()
    {
        var pasids = new PasidAllocator(1 << 12);
        var taken = new System.Collections.Concurrent.ConcurrentDictionary<int, int>();
        Parallel.For(0, 4, thread =>
        {
            for (int i = 0; i < 1000; i++)
            {
                taken.TryAdd(pasids.Take(), thread).ShouldBeTrue();
            }
        });
        taken.Count.ShouldBe(4000);
    }
}
