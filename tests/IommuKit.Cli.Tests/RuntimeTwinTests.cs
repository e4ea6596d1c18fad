using IommuKit.Cli.Invocation;

namespace IommuKit.Cli.Tests;

/// <summary>Which command lines the package of the tool gives to a runtime. That it does is checked with the package itself, by .ci/run.</summary>
public class RuntimeTwinTests
{
    [Theory]
    [InlineData("models --load MyIommu.dll")]
    [InlineData("--load=MyIommu.dll models")]
    [InlineData("check --load:MyIommu.dll")]
    [InlineData("bench --host-time")]
    [InlineData("bench --format arm-lpae-4k-s1 --host-time=true")]
    public void WhatOnlyARuntimeCanDoIsItsWork(string line) => Assert.True(RuntimeTwin.IsNeeded(line.Split(' ')));

    [Theory]
    [InlineData("")]
    [InlineData("bench")]
    [InlineData("replay loads.trace --loaded --host-timer")]
    public void AllElseIsNot(string line) => Assert.False(RuntimeTwin.IsNeeded(line.Split(' ')));
}
